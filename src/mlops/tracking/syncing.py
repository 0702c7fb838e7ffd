"""Bring to the stores what the journals of an environment still hold; knows no MLflow by itself.

Reads: .runs/<environment>/, MLFLOW_TRACKING_URI
Writes: the stores; .runs/, from which goes what all stores have
"""

import os
from collections import Counter
from dataclasses import dataclass, field

from mlops.core.errors import TrackingError
from mlops.tracking import records, server
from mlops.tracking.journal import Journal, every


@dataclass
class Outcome:
    """What became of the journals of an environment."""

    brought: int = 0
    busy: int = 0  # their own process sends them
    waiting: Counter[str] = field(default_factory=Counter)  # for which server
    refused: list[str] = field(default_factory=list)


def missing(journal: Journal) -> set[str]:
    """Return the stores that lack some of a run; any server is called ""."""
    stores = {journal.store} if journal.waiting(journal.store) else set()
    if journal.offline:
        # The first server that got some of it gets all of it.
        servers = [store for store in journal.stores() if store != journal.store]
        wanted = servers[0] if servers else ""
        stores |= {wanted} if journal.waiting(wanted) else set()
    return stores


def waiting(environment: str) -> int:
    """Return how many runs lack something in a store."""
    return sum(bool(missing(journal)) for journal in every(environment))


def bring(environment: str) -> Outcome:
    """Send what is missing, run after run; a server that does not answer ends it."""
    outcome = Outcome()
    named = os.environ.get("MLFLOW_TRACKING_URI", "")
    reachable = {server.plain(uri): uri for uri in (named, server.embedded(environment)) if uri}
    journals = every(environment)
    if named and any(missing(journal) & {server.plain(named), ""} for journal in journals):
        server.check(named)
    for journal in journals:
        with journal.held(wait=False) as mine:
            if not mine:
                outcome.busy += 1
            elif journal.exists():
                _bring(journal, reachable, server.plain(named), outcome)
    return outcome


def settle(journal: Journal) -> None:
    """Note where the run is, and forget the journal when nobody needs it any more."""
    digest = journal.tags().get("model.sha256", "")
    record = records.read(digest) if digest else None
    if record and record.get("journal") == journal.name:
        servers = [store for store in journal.stores() if store != journal.store]
        place = servers[0] if servers and not missing(journal) else journal.store
        records.write(digest, run_id=journal.sent(place)["run_id"], tracking_uri=place)
    if journal.ended() and not missing(journal):
        journal.remove()


def _bring(journal: Journal, reachable: dict[str, str], named: str, outcome: Outcome) -> None:
    sent = False
    for store in sorted(missing(journal), reverse=True):
        uri = reachable.get(store or named)
        if not uri:
            outcome.waiting[store] += 1
            continue
        from mlops.tracking import delivery  # noqa: PLC0415  MLflow takes a second

        try:
            delivery.deliver(journal, uri)
            sent = True
        except Exception as error:
            told = server.first_line(error)
            if not delivery.final(error):
                raise TrackingError(
                    f"MLflow at {server.plain(uri)} should take what is missing, but: {told}; "
                    "run the same command again when it answers, it goes on where it stopped"
                ) from None
            outcome.refused.append(f"{journal.name}: {told}")
    outcome.brought += sent
    settle(journal)
