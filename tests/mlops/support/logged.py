"""Logged requests for tests: lines as a service writes them, and a spool of them."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from mlops.core.project import project
from mlops.serving.request_log.counts import Counts
from mlops.serving.request_log.lines import Entry, Kept
from mlops.serving.request_log.spool import Spool

LABELS = ("negative", "positive")
ORIGIN = {"version": "7", "model_sha256": "0" * 64}


def answer(positive: float = 0.75, unknown: float = 0.0, tokens: int = 4) -> dict[str, Any]:
    """Return what the service answers to one text."""
    probabilities = dict(zip(LABELS, (1 - positive, positive), strict=True))
    return {
        "label": LABELS[positive >= 0.5],
        "probabilities": probabilities,
        "tokens": tokens,
        "truncated": False,
        "unknown": unknown,
        "model": {"name": "toy", "version": "v1"},
    }


def lines(name: str, time: datetime, text: str = "good film", **found: Any) -> bytes:
    """Return the line of a request of one text; `version` and `role` are the model's."""
    origin = ORIGIN | ({"version": found.pop("version")} if "version" in found else {})
    role = found.pop("role", "live")
    form = project().requests()["OneText"]
    entry = Entry(time.timestamp(), name, None, role, form, {"text": text}, answer(**found), 10)
    return b"".join(Kept(LABELS, origin, texts=True).lines(entry))


def spool(folder: Path, content: Iterable[bytes]) -> Path:
    """Write a closed file of lines; return it."""
    before = set(folder.glob("*")) if folder.exists() else set()
    folder.mkdir(exist_ok=True)
    one = Spool(folder, 10**9, seconds=60)
    one.write(b"".join(content))
    one.close()
    (path,) = set(folder.glob("*.jsonl")) - before
    return path


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


Counter = Callable[[str], float]


def counts() -> tuple[Counts, Counter]:
    """Return the metrics of a log, and a function that reads one by its outcome."""
    registry = CollectorRegistry()

    def count(outcome: str) -> float:
        labels = {"outcome": outcome}
        return registry.get_sample_value("bentoml_service_request_log_total", labels) or 0.0

    return Counts(registry), count
