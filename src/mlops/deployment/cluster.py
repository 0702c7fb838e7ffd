"""kubectl, and the pods that it reaches.

All that is asked of a cluster goes through its API server, whose proxy asks the pods: who deploys
needs no way into the cluster's network.
"""

import json
import re
import shutil
import subprocess
from http import HTTPStatus
from typing import Any

from mlops.client import exchange
from mlops.client.address import Address
from mlops.client.failure import ServiceError
from mlops.client.response import unlike
from mlops.core import command
from mlops.core.errors import DeployError
from mlops.deployment.links import NAMESPACE, PORT

ELSEWHERE = (
    "deploy on this machine: `deploy.target: podman` in conf/env/{}.yaml, or "
    'SET="deploy.target=podman"; that needs podman, a registry and the image of Traefik '
    "(docs/deploy.md, On one machine)"
)


class Kubectl:
    """kubectl, tied to one context and the namespace of the manifests."""

    def __init__(self, context: str) -> None:
        self._context = context

    def check(self, environment: str) -> None:
        """Refuse to act on another cluster than the environment's own."""
        elsewhere = ELSEWHERE.format(environment)
        if not shutil.which("kubectl"):
            raise DeployError(f"kubectl is not on the PATH. Install it, or {elsewhere}")
        view = ("config", "view", "--output", "jsonpath={.current-context}")
        found = command.run("kubectl", *view, hint=self._hint)
        if not found:
            raise DeployError(
                f"kubectl has no current context. Set it (`kubectl config use-context "
                f"{self._context}`), or {elsewhere}"
            )
        if found != self._context:
            raise DeployError(
                f"kubectl's current context is {found}, expected {self._context} (deploy.context). "
                f"Set it: `kubectl config use-context {self._context}`"
            )

    def __call__(self, *words: str, given: str | None = None, seconds: int = 60) -> str:
        """Run kubectl; return what it printed."""
        where = ("--context", self._context, "--namespace", NAMESPACE)
        return command.run("kubectl", *words, *where, given=given, seconds=seconds, hint=self._hint)

    def get(self, kind: str, *words: str) -> Any:
        """Return objects, or None where there is none of this name."""
        found = self("get", kind, *words, "--ignore-not-found", "--output", "json")
        return json.loads(found) if found else None

    def knows(self, kind: str) -> bool:
        """Return whether the cluster has a kind that is no part of Kubernetes: plural.group."""
        group = kind.partition(".")[2]
        found = self("api-resources", f"--api-group={group}", "--output", "name")
        return kind in found.split()

    def apply(self, text: str) -> None:
        """Apply manifests; what they no longer say goes."""
        self("apply", "--server-side", "--force-conflicts", "--filename", "-", given=text)

    def post(self, path: str, body: Any) -> Any:
        """Send JSON to the API server: `kubectl create --raw` would not say that it is JSON."""
        words = ("kubectl", "proxy", "--port", "0", "--context", self._context)
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            try:
                line = process.stdout.readline() if process.stdout else ""
                if not (port := re.search(r"127\.0\.0\.1:(\d+)", line)):
                    raise OSError(f"kubectl proxy printed no port, but {line!r}")
                where = Address("http", "127.0.0.1", int(port[1]))
                answer = exchange.fetch(where, path, body, seconds=60)
                if answer.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
                    raise unlike(answer, where, path)
                return answer.value
            except ServiceError as error:
                raise OSError(error.found) from None
            finally:
                process.terminate()

    @property
    def _hint(self) -> str:
        return f"check that the cluster of {self._context} can be reached, and your rights there"


class ClusterPod:
    """A pod, asked through the API server."""

    def __init__(self, kubectl: Kubectl, name: str = "", selector: str = "") -> None:
        self._kubectl, self._found, self._selector = kubectl, name, selector

    @property
    def name(self) -> str:
        """Return its name; where it was not there yet, the newest that the selector finds."""
        if not self._found:
            self._found = next(iter(names(self._kubectl, self._selector)), "")
        return self._found

    def ask(self, path: str, body: Any = None) -> Any:
        """Return the parsed answer."""
        if not self.name:
            raise OSError("the cluster has not made it yet")
        url = f"/api/v1/namespaces/{NAMESPACE}/pods/{self.name}:{PORT}/proxy{path}"
        if body is not None:
            return self._kubectl.post(url, body)
        try:
            text = self._kubectl("get", "--raw", url)
        except DeployError as error:
            raise OSError(str(error)) from None
        return json.loads(text) if text.startswith("{") else text

    def ended(self) -> str:
        """Return why a container does not run: this pod's, or another's that the selector finds."""
        words = ("--selector", self._selector) if self._selector else (self._found,)
        found = self._kubectl.get("pods", *words) or {"items": []}
        for pod in kept(found.get("items", [found])):
            for one in pod.get("status", {}).get("containerStatuses", []):
                waiting = one["state"].get("waiting", {}).get("reason", "")
                if one.get("restartCount") or "BackOff" in waiting:
                    name = str(pod["metadata"]["name"])
                    return self._last_words(name, waiting or "it was started again")
        return ""

    def _last_words(self, name: str, reason: str) -> str:
        try:
            log = self._kubectl("logs", name, "--previous", "--tail", "3")
        except DeployError:
            log = ""
        return f"{reason}: {log.splitlines()[-1]}" if log else reason


def names(kubectl: Kubectl, selector: str) -> list[str]:
    """Return the pods that run and are not to go, the newest first."""
    found = kept((kubectl.get("pods", "--selector", selector) or {"items": []})["items"])
    found.sort(key=lambda one: str(one["metadata"].get("creationTimestamp")), reverse=True)
    return [str(one["metadata"]["name"]) for one in found]


def kept(pods: list[Any]) -> list[Any]:
    """Return the pods that are not to go."""
    return [one for one in pods if "deletionTimestamp" not in one["metadata"]]
