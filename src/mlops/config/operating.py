"""The sections of the configuration that deploy, watch and replace a service.

No stage of the pipeline reads them: a change of one runs none again.
"""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from mlops.config.section import Count, Fraction, Section, Share, Text

LAST_PORT = 65_535


class Deploy(Section):
    """Where an accepted version goes."""

    target: Literal["kubernetes", "podman", "none"]
    image: Annotated[str, Field(pattern=r"^[\w.-]+(:\d+)?(/[\w.-]+)+$")]
    engine: Literal["podman", "docker"]
    build_options: dict[str, Text]
    context: Text
    gateway: Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9.-]+(/[a-z0-9.-]+)?$")] | None
    autoscaler: Literal["cpu", "keda"]
    busy_threads: Fraction
    start_seconds: Count
    port: Annotated[int, Field(ge=1, le=65_533)]
    address: Literal["127.0.0.1", "0.0.0.0"]
    proxy: Text

    @field_validator("port")
    @classmethod
    def _check_port(cls, port: int) -> int:
        """Leave room for the ports of both pods and of the proxy's own metrics."""
        if port > LAST_PORT - 3:
            raise ValueError(f"the next three ports are used as well: {LAST_PORT - 3} at most")
        return port


class LoadTest(Section):
    """What a deployed service must hold at a fixed rate."""

    rate: Annotated[int, Field(ge=1, le=10_000)]
    seconds: Annotated[int, Field(ge=1, le=3600)]
    max_p99_ms: Annotated[float, Field(gt=0)]
    max_error_share: Annotated[float, Field(ge=0, lt=1)]
    sweep_rates: list[Annotated[int, Field(ge=1, le=10_000)]]
    sweep_seconds: Annotated[int, Field(ge=1, le=3600)]
    warmup_seconds: Annotated[int, Field(ge=0, le=3600)]

    @field_validator("sweep_rates")
    @classmethod
    def _check_rates(cls, rates: list[int]) -> list[int]:
        """Refuse rates between which no knee can lie."""
        if rates != sorted(set(rates)) or len(rates) < 2:
            raise ValueError(f"expected two or more rising rates, found {rates}")
        return rates


class Objectives(Section):
    """What a deployed service promises: rules, alerts and decisions on a canary follow from it."""

    availability: Annotated[float, Field(ge=0.5, lt=1)]
    latency_seconds: Annotated[float, Field(gt=0)]
    latency_share: Annotated[float, Field(ge=0.5, lt=1)]
    min_requests: Count


class Monitoring(Section):
    """Where Prometheus and Alertmanager are, and what they warn of besides the objectives."""

    prometheus: Text | None
    port: Annotated[int, Field(ge=1, le=65_533)]
    prometheus_image: Text
    alertmanager_image: Text
    retention_days: Count
    idle_minutes: Count
    stale_days: Count
    runbook: Text


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
