"""Send to MLflow what the journals of an environment still hold; the command `make sync`.

Reads: ENV, .runs/<ENV>/, MLFLOW_TRACKING_URI
Writes: the stores; .runs/<ENV>/, from which goes what all stores have
"""

import os
import sys
from collections import Counter
from dataclasses import dataclass, field

from mlops.core.environment import asked
from mlops.core.errors import TrackingError, run
from mlops.tracking import records, server
from mlops.tracking.journal import Journal, list_journals


@dataclass
class Outcome:
    """What became of the journals of an environment."""

    sent: int = 0
    busy: int = 0  # their own process sends them
    waiting: Counter[str] = field(default_factory=Counter)  # by the server they wait for
    refused: list[str] = field(default_factory=list)


def find_stores(journal: Journal) -> set[str]:
    """Return the stores that lack some of a run; any server is called ""."""
    stores = {journal.store} if journal.is_unsent(journal.store) else set()
    if journal.offline:
        # The first server that got some of it gets all of it.
        servers = [store for store in journal.stores() if store != journal.store]
        wanted = servers[0] if servers else ""
        stores |= {wanted} if journal.is_unsent(wanted) else set()
    return stores


def count_unsent(environment: str) -> int:
    """Return how many runs lack something in a store."""
    return sum(bool(find_stores(journal)) for journal in list_journals(environment))


def send_all(environment: str) -> Outcome:
    """Send what is missing, run after run; a server that does not answer ends it."""
    outcome = Outcome()
    named = os.environ.get("MLFLOW_TRACKING_URI", "")
    reachable = {
        server.redact(uri): uri for uri in (named, server.get_embedded_uri(environment)) if uri
    }
    journals = list_journals(environment)
    if named and any(find_stores(journal) & {server.redact(named), ""} for journal in journals):
        server.check(named)
    for journal in journals:
        with journal.lock(wait=False) as mine:
            if not mine:
                outcome.busy += 1
            elif journal.exists():
                _send(journal, reachable, server.redact(named), outcome)
    return outcome


def settle(journal: Journal) -> None:
    """Note where the run is, and delete the journal when nobody needs it any more."""
    digest = journal.tags().get("model.sha256", "")
    record = records.read(digest) if digest else None
    if record and record.get("journal") == journal.name:
        servers = [store for store in journal.stores() if store != journal.store]
        place = servers[0] if servers and not find_stores(journal) else journal.store
        records.write(digest, run_id=journal.sent(place)["run_id"], tracking_uri=place)
    if journal.is_finished() and not find_stores(journal):
        journal.remove()


def _send(journal: Journal, reachable: dict[str, str], named: str, outcome: Outcome) -> None:
    sent = False
    for place in sorted(find_stores(journal), reverse=True):
        uri = reachable.get(place or named)
        if not uri:
            outcome.waiting[place] += 1
            continue
        from mlops.tracking import delivery, store  # noqa: PLC0415  MLflow takes a second

        try:
            delivery.deliver(journal, uri)
            sent = True
        except Exception as error:
            reason = server.first_line(error)
            if not store.is_final(error):
                raise TrackingError(
                    f"MLflow at {server.redact(uri)} did not take all runs: {reason}; run the same "
                    "command again when it answers, it continues where it stopped"
                ) from None
            outcome.refused.append(f"{journal.name}: {reason}")
    outcome.sent += sent
    settle(journal)


def main() -> None:
    """Send what is missing; what is left over ends with an error."""
    environment = asked()
    outcome = send_all(environment)
    sys.stdout.write(f"{outcome.sent} runs of {environment} sent to MLflow\n")
    if outcome.busy:
        sys.stdout.write(f"{outcome.busy} runs are being recorded: their own process sends them\n")
    for place, runs in outcome.waiting.items():
        where = place or "the address of their server"
        raise TrackingError(f"{runs} runs wait for MLflow: set MLFLOW_TRACKING_URI to {where}")
    if outcome.refused:
        raise TrackingError(
            f"MLflow refuses {len(outcome.refused)} runs: {'; '.join(outcome.refused)}; fix that, "
            f"or remove the folder of that name in .runs/{environment} to give up the rest of it"
        )


if __name__ == "__main__":
    run(main)
