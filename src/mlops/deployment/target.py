"""Where versions are deployed: what a cluster and a single machine have in common."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from mlops.config.schema import Params
from mlops.core.errors import DeployError
from mlops.deployment.smoke_test import Pod


class BusyError(DeployError):
    """Another deployment is at work."""


@dataclass(frozen=True)
class Live:
    """What has the traffic."""

    version: str  # as registered
    model_sha256: str
    commit: str
    image: str
    record: str  # hash of the entry of the record that was the newest then
    pods: tuple[Pod, ...]

    @classmethod
    def of(cls, template: Any, record: str, pods: Callable[[str], tuple[Pod, ...]]) -> "Live":
        """Read the template of the pods, which leads back to a version; find its pods."""
        origin = template["metadata"].get("annotations", {})
        names = ("registered.version", "model.sha256", "git.commit")
        version, model, commit = (origin.get(f"mlops/{name}", "unknown") for name in names)
        image = template["spec"]["containers"][0]["image"]
        return cls(version, model, commit, image, record, pods(version))


class Target(Protocol):
    """A place that runs one version, and lets another take over without a lost request."""

    def lock(self) -> AbstractContextManager[None]:
        """Keep other deployments out; raise BusyError where one is at work."""

    def live(self) -> Live | None:
        """Return what has the traffic."""

    def start(self, text: str) -> Pod:
        """Start the manifests' pod next to what is live, without traffic."""

    def switch(self, text: str) -> tuple[Pod, ...]:
        """Give the traffic to these manifests; return what to ask for them."""

    def back(self, text: str | None) -> None:
        """Give the traffic back to what was live, or to nothing, and remove everything else."""

    def finish(self) -> None:
        """Remove what has no traffic any more, when it has answered what it accepted."""

    def mark(self, record: str) -> None:
        """Keep the hash of the record's newest entry with what is live."""


def select(params: Params) -> Target:
    """Return the target that the configuration names."""
    from mlops.deployment.kubernetes import Kubernetes  # noqa: PLC0415
    from mlops.deployment.podman import Podman  # noqa: PLC0415

    if params.deploy.target == "none":
        raise DeployError(
            f"{params.environment} deploys nothing: what is trained there is an experiment on a "
            "sample of the data; bring the commit to qa (ENV=qa), where the gate checks it"
        )
    return Kubernetes(params) if params.deploy.target == "kubernetes" else Podman(params)
