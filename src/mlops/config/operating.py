"""The sections of the configuration that deploy, watch and replace a service.

No stage of the pipeline reads them: a change of one runs none again.
"""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from mlops.config.section import Count, Fraction, Section, Share, Text


class Deploy(Section):
    """Where an accepted version goes."""

    target: Literal["kubernetes", "podman", "none"]
    image: Annotated[str, Field(pattern=r"^[\w.-]+(:\d+)?(/[\w.-]+)+$")]
    engine: Literal["podman", "docker"]
    build_options: dict[str, Text]
    context: Text
    start_seconds: Count
    port: Annotated[int, Field(ge=1, le=65_532)]
    address: Literal["127.0.0.1", "0.0.0.0"]
    proxy: Text


class LoadTest(Section):
    """What a deployed service must hold at a fixed rate."""

    rate: Annotated[int, Field(ge=1, le=10_000)]
    seconds: Annotated[int, Field(ge=1, le=3600)]
    max_p99_ms: Annotated[float, Field(gt=0)]
    max_error_share: Annotated[float, Field(ge=0, lt=1)]


class Objectives(Section):
    """What a deployed service promises: rules, alerts and decisions on a canary follow from it."""

    availability: Fraction
    latency_seconds: Annotated[float, Field(gt=0)]
    latency_share: Fraction
    min_requests: Count


class Monitoring(Section):
    """Where Prometheus and Alertmanager are."""

    prometheus: Text | None
    port: Annotated[int, Field(ge=1, le=65_533)]


class Canary(Section):
    """How a version takes over step by step."""

    steps: list[Annotated[int, Field(ge=1, le=100)]]
    min_requests: Count
    step_seconds: Count
    max_shift: Share
    max_refused: Share

    @field_validator("steps")
    @classmethod
    def _check_steps(cls, steps: list[int]) -> list[int]:
        """Refuse steps that judge nothing, or end before all of the traffic."""
        if steps != sorted(set(steps)) or len(steps) < 2 or steps[-1] != 100:
            raise ValueError(f"expected rising percentages that end with 100, found {steps}")
        return steps


class RequestLog(Section):
    """What is kept of the requests to a deployed service."""

    enabled: bool
    texts: bool
    sample: Share
    url: Text
    retention_days: Count | None
    spool_mb: Count
    rotate_seconds: Count
    shipper: Text | None


class Distance(Section):
    """A distance between live requests and the held-out rows, from 0 to 1."""

    max: Fraction


class Drift(Section):
    """When live requests count as unlike the held-out rows."""

    min_rows: Count
    window_hours: Count
    windows: Annotated[int, Field(ge=1, le=30)]
    false_alarms_per_quarter: Annotated[float, Field(gt=0)]
    predicted_class: Distance
    confidence: Distance
    length: Distance
    truncated: Distance
    unknown_words: Distance
    vocabulary: Distance
    embedding: Distance
