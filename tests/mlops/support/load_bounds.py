"""The configuration of a load test, of which a test names what it is about."""

from typing import Any

from mlops.config.operating import LoadTest

BOUNDS: dict[str, Any] = {
    "rate": 10, "seconds": 10, "max_p99_ms": 100.0, "max_error_share": 0.0,
    "sweep_rates": [10, 20], "sweep_seconds": 3, "warmup_seconds": 1,
}  # fmt: skip


def of(**given: Any) -> LoadTest:
    """Return the bounds with some of them changed."""
    return LoadTest(**{**BOUNDS, **given})
