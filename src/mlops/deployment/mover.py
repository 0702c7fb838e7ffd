"""Two versions at once: how a target leads a share of the traffic to a second version.

The second version is the one that `start` has started: it has no traffic until `split` gives it
some. Who judges it lives elsewhere and may die at any moment, so the weights never stand alone:
what they are for, and until when, is written with them in one write, wherever the target keeps
them (a comment in Traefik's file, an annotation of the HTTPRoute).
"""

import json
import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol, runtime_checkable

from mlops.core.errors import DeployError
from mlops.deployment.target import Target

log = logging.getLogger(__name__)

Role = Literal["canary", "ab", "shadow"]


@dataclass(frozen=True)
class Rule:
    """Requests whose header matches go to one version, whatever the weights say."""

    header: str
    pattern: str  # a regular expression (RE2) that says with ^ and $ what it means
    second: bool  # whether they go to the second version


@dataclass(frozen=True)
class Split:
    """What the traffic is divided for, how, and until when: it stands beside the weights."""

    role: Role
    version: str  # the second, as registered
    weight: int  # percent of the requests to the second; of a shadow: percent that are copied to it
    begun: str  # when the first split of this kind began: ISO 8601, UTC
    deadline: str  # ISO 8601, UTC: whatever stands after it, the next verb undoes
    rules: tuple[Rule, ...] = ()  # the first that matches decides; what matches none is weighted

    @property
    def text(self) -> str:
        """Return it as one line of JSON, which `read` reads."""
        return json.dumps(asdict(self), sort_keys=True)

    def is_over(self, now: datetime | None = None) -> bool:
        """Return whether its deadline has passed."""
        return (now or datetime.now(UTC)) >= datetime.fromisoformat(self.deadline)


class EditedError(DeployError):
    """Somebody has edited what stands beside the weights."""


def read(text: str) -> Split:
    """Return what `Split.text` has written; raise EditedError where somebody has edited it."""
    try:
        found = json.loads(text)
        rules = tuple(Rule(**one) for one in found.pop("rules"))
        datetime.fromisoformat(found["deadline"])
        return Split(**found, rules=rules)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise EditedError(
            f"how long the traffic may be divided cannot be read, found {text[:200]!r}; "
            "`make rollback` or `make deploy` gives all of it to one version"
        ) from None


def role(live: bool, split: Split | None) -> str:
    """Return what a pod is there for: both versions of an A/B test are live."""
    if live or (split and split.role == "ab"):
        return "live"
    return "shadow" if split and split.role == "shadow" else "canary"


@dataclass(frozen=True)
class Arm:
    """One of both versions, as Prometheus tells it from the other: label matchers of PromQL."""

    version: str  # as registered
    pods: str  # of what its pods count, such as `environment="prod",service_version="8"`
    # Of what Traefik counts for it (traefik_service_requests_total), such as
    # `service="prod-green@file"`. Empty where the proxy is another or is not scraped.
    proxied: str


@runtime_checkable
class Mover(Target, Protocol):
    """A target that can give a share of the traffic to a second version.

    While the traffic is divided, `live` returns the first version (stable), `back` takes all
    weights back before it does anything else, `switch` makes the second version the only one, and
    `finish` removes the one without traffic. Each of them leaves nothing divided.
    """

    def split(self, text: str, split: Split) -> None:
        """Divide the traffic between what is live and the pod that `start(text)` has started.

        Returns when new requests are divided that way; the weights and `split.text` are written
        together. Called again it changes the weights; no client sticks to a version of weight 0. A
        lock that runs out by itself is extended to `split.deadline`. Raises DeployError where the
        second pod is gone.
        """

    def divided(self) -> Split | None:
        """Return what stands beside the weights; None where one version has all of the traffic."""

    def arms(self) -> tuple[Arm, Arm]:
        """Return what is live and the second version, while the traffic is divided."""


def divided(target: Target) -> Split | None:
    """Return how two versions share the traffic of a target; None where one has all of it."""
    return target.divided() if isinstance(target, Mover) else None


def is_overdue(target: Target) -> bool:
    """Return whether the time of a split is over, or nobody can read when it is."""
    try:
        split = divided(target)
    except EditedError as error:
        log.warning("%s", error)
        return True
    return split is not None and split.is_over()
