"""A part of the platform: a process, as it is started here and in a container."""

from collections.abc import Mapping
from dataclasses import dataclass, field

SECONDS = 120  # that a part may take to answer: MLflow's first start makes 65 tables


@dataclass(frozen=True)
class Part:
    """A process: its name, what starts it, and the port at which it must answer."""

    name: str
    command: list[str]
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
