"""podman, and the pods that it runs on this machine."""

import json
from http import HTTPStatus
from typing import Any

from mlops.client import exchange
from mlops.client.address import Address
from mlops.client.failure import ServiceError
from mlops.client.response import unlike
from mlops.core import command
from mlops.core.errors import DeployError
from mlops.deployment import manifests


def podman(*words: str, given: str | None = None, seconds: int = 600) -> str:
    """Run podman; return what it printed."""
    return command.run(
        "podman", *words, given=given, seconds=seconds, hint="`podman info` shows how it is set up"
    )


class Container:
    """A pod of this machine, asked on its own port or through the proxy."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self._address = Address("http", "127.0.0.1", port)

    def ask(self, path: str, body: Any = None) -> Any:
        """Return the parsed answer."""
        try:
            answer = exchange.fetch(self._address, path, body)
            if answer.status != HTTPStatus.OK:
                raise unlike(answer, self._address, path)
        except ServiceError as error:
            raise OSError(error.found) from None
        return answer.body if answer.value is None else answer.value

    def ended(self) -> str:
        """Return the last line of a container that runs no more."""
        try:
            (found,) = json.loads(podman("inspect", f"{pod_of(self.name)}-{manifests.NAME}"))
        except (DeployError, ValueError):
            return "it is gone"
        # A pod's containers are started again when they end.
        if found["State"]["Running"] and not found.get("RestartCount"):
            return ""
        log = podman("logs", "--tail", "3", found["Name"]) or "it logged nothing"
        killed = " (out of memory)" if found["State"].get("OOMKilled") else ""
        return f"exit code {found['State']['ExitCode']}{killed}: {log.splitlines()[-1]}"


def pod_of(name: str) -> str:
    """Return what podman calls the pod of a Deployment."""
    found = podman("pod", "ps", "--filter", f"name=^{name}-pod", "--format", "{{.Name}}")
    return found.splitlines()[0] if found else ""
