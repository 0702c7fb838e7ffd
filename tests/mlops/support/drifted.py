"""Logged requests for the tests of drift, in the columns of docs/operate.md."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from mlops.operate.drift.rows import Rows

DAY = datetime(2026, 11, 2, tzinfo=UTC)  # when the log begins


def table(texts: Sequence[str], answers: Sequence[Any], day: int = 0, **values: Any) -> pa.Table:
    """Return what the log holds of a day: a request for each text, and what the engine answered."""
    count = len(texts)
    step = timedelta(hours=20) / count
    rows = {
        "request_id": [f"{day}-{n}" for n in range(count)],
        "time": [DAY + timedelta(days=day) + n * step for n in range(count)],
        "version": ["1"] * count,
        "role": ["live"] * count,
        "label": [one.label for one in answers],
        "confidence": [max(one.probabilities.values()) for one in answers],
        "tokens": [one.tokens for one in answers],
        "unknown_share": [one.unknown for one in answers],
        "truncated": [one.truncated for one in answers],
        "text": list(texts),
    }
    return pa.table(rows | values)


def sample(count: int, seed: int, positive: float = 0.5, **changed: Any) -> Rows:
    """Return answers without texts, drawn from what no window changes but as it is told to."""
    rng = np.random.default_rng(seed)
    tokens = (rng.poisson(20, count) + 2).astype(float)
    values: dict[str, Any] = {
        "labels": np.where(rng.random(count) < positive, "positive", "negative"),
        "confidence": rng.beta(8, 2, count),
        "tokens": tokens,
        "truncated": (tokens > 30).astype(float),
        "unknown": rng.beta(1, 30, count),
        "requests": np.arange(count),
    }
    return Rows(**(values | changed))
