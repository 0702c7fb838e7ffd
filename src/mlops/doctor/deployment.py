"""What `make deploy` needs where an environment deploys: the target's programs, the registry."""

from collections.abc import Iterator
from typing import Any

from mlops.doctor import outside
from mlops.doctor.finding import Finding, note, ok


def deployment(deploy: dict[str, Any]) -> Iterator[Finding]:
    """Look at what the section deploy names; nothing where nothing is deployed from."""
    if deploy["target"] == "none":
        return
    yield _engine(deploy["engine"])
    if deploy["target"] == "kubernetes":
        yield _cluster(deploy["context"])
    elif deploy["engine"] != "podman":
        yield _engine("podman")
    yield _registry(deploy["image"])


def _engine(name: str) -> Finding:
    said = outside.program(name, "info", seconds=10)
    if said is None:
        return note("deploy", f"{name} is not on the PATH", f"install {name}: it builds the images")
    if not said.good:
        return note(
            "deploy", f"{name} does not work: {said.text}", f"fix it until `{name} info` works"
        )
    return ok("deploy", f"{name} works")


def _cluster(context: str) -> Finding:
    said = outside.program("kubectl", "config", "current-context")
    if said is None:
        return note(
            "deploy", "kubectl is not on the PATH", "install kubectl, or deploy.target: podman"
        )
    if not said.good or said.text != context:
        return note(
            "deploy",
            f"kubectl's context is {said.text if said.good else 'not set'}, expected {context}",
            f"kubectl config use-context {context}, or set deploy.context",
        )
    ready = outside.program("kubectl", "get", "--raw=/readyz", "--request-timeout=3s")
    if ready is None or not ready.good:
        text = ready.text if ready else ""
        return note(
            "deploy", f"the cluster {context} does not answer: {text}", "look at kubectl get nodes"
        )
    return ok("deploy", f"the cluster {context} answers")


def _registry(image: str) -> Finding:
    host = image.partition("/")[0]
    scheme = "http" if host.partition(":")[0] in ("localhost", "127.0.0.1") else "https"
    said = outside.server(f"{scheme}://{host}/v2/")
    if not said.good:
        return note(
            "deploy",
            f"the registry {host} does not answer: {said.text}",
            "start it, or correct deploy.image",
        )
    return ok("deploy", f"the registry {host} answers")
