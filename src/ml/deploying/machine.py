"""podman, and the pods that it runs on this machine."""

import json
import urllib.request
from typing import Any

from ml.deploying import command, manifests
from ml.errors import DeployError


def podman(*words: str, given: str | None = None, seconds: int = 600) -> str:
    """Run podman; return what it printed."""
    return command.run(
        "podman", *words, given=given, seconds=seconds, hint="`podman info` tells how it is set up"
    )


class Container:
    """A pod of this machine, asked on its own port or through the proxy."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self._url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, body: Any = None) -> Any:
        """Return the parsed answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self._url}{path}", data=data, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if "json" in answer.headers.get("content-type", "") else text

    def ended(self) -> str:
        """Return the last line of a container that runs no more."""
        try:
            (found,) = json.loads(podman("inspect", f"{pod_of(self.name)}-{manifests.NAME}"))
        except (DeployError, ValueError):
            return "it is gone"
        # A pod's containers are started again when they end.
        if found["State"]["Running"] and not found.get("RestartCount"):
            return ""
        told = podman("logs", "--tail", "3", found["Name"]) or "it logged nothing"
        killed = " (out of memory)" if found["State"].get("OOMKilled") else ""
        return f"exit code {found['State']['ExitCode']}{killed}: {told.splitlines()[-1]}"


def pod_of(name: str) -> str:
    """Return what podman calls the pod of a Deployment."""
    found = podman("pod", "ps", "--filter", f"name=^{name}-pod", "--format", "{{.Name}}")
    return found.splitlines()[0] if found else ""
