"""The smoke test: does a pod predict, and with the model that was registered?"""

import time
from dataclasses import dataclass
from typing import Any, Protocol

from mlops.core.errors import DeployError

PAUSE = 0.2  # seconds between two looks at a pod that starts


class Pod(Protocol):
    """A pod that can be asked, or what leads to the pods."""

    @property
    def name(self) -> str:
        """What it is called."""

    def ask(self, path: str, body: Any = None) -> Any:
        """Return the parsed response; whatever is no success raises OSError."""

    def ended(self) -> str:
        """Return why it will never answer, with its last words; nothing while it may."""


@dataclass(frozen=True)
class Wanted:
    """What a pod must turn out to be."""

    model_sha256: str
    package: str  # the content of the Bento
    example: str
    seconds: int  # until it is ready


def check(pod: Pod, wanted: Wanted) -> None:
    """Wait until a pod is ready, let it predict, and compare what it serves; raise DeployError."""
    ready(pod, wanted.seconds)
    try:
        answer = pod.ask("/predict", {"text": wanted.example})
        info = pod.ask("/info")
        share = float(answer["probabilities"][answer["label"]])
        found = {name: info.get(name) for name in ("model_sha256", "package")}
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DeployError(
            f"{pod.name} cannot predict {wanted.example!r}: {error!r}; its log shows more"
        ) from None
    if not 0 < share <= 1:
        raise DeployError(f"{pod.name}: expected a probability, found {answer}")
    expected = {"model_sha256": wanted.model_sha256, "package": wanted.package}
    if found != expected:
        raise DeployError(f"{pod.name} serves {found}, expected {expected}; deploy again")


def ready(pod: Pod, seconds: int) -> None:
    """Wait until a pod is ready; raise DeployError when it has ended or takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            pod.ask("/readyz")
        except OSError as error:
            reason = str(error)
        else:
            return
        if last_words := pod.ended():
            raise DeployError(f"{pod.name} ended: {last_words}")
        if time.monotonic() > deadline:
            raise DeployError(
                f"{pod.name} is not ready within {seconds} s (deploy.start_seconds): {reason}"
            )
        time.sleep(PAUSE)
