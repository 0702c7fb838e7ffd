"""What `make drift` found, as rules: Prometheus then has it without a further server to scrape."""

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from mlops.config.schema import Params
from mlops.core.errors import KnownError
from mlops.operate.monitoring import rules, servers
from mlops.operate.monitoring.here import find
from mlops.operate.monitoring.scraping import DRIFT

EACH = "30s"
HEAD = "# Written by `make drift ENV={}`.\n"
UNKNOWN = "the alert Drift does not know of this"


def groups(environment: str, exposition: str) -> dict[str, Any]:
    """Return a rule for each sample of Prometheus' text format, which records it again and again.

    What is unknown has no sample: the next check that knows nothing ends its series.
    """
    found = [
        {"record": sample.name, "labels": dict(sample.labels), "expr": f"vector({sample.value!r})"}
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    ]
    return {"groups": [{"name": f"mlops-{environment}-drift", "interval": EACH, "rules": found}]}


def hand_over(params: Params, exposition: str) -> str:
    """Give the Prometheus of this machine the outcome; return who knows of it now."""
    try:
        found = find(params)
        if not found:
            return f"{UNKNOWN}: no Prometheus of `make watch` runs on this machine"
        made = groups(params.environment, exposition)
        rules.write(found.folder / DRIFT, rules.text(made, params.environment, HEAD))
        servers.reload(found, params)
    except KnownError as error:  # the outcome itself must not be lost
        return f"{UNKNOWN}: {error}"
    return "handed to the Prometheus of `make watch`"
