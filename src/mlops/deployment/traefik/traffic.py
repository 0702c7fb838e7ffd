"""The file that says where Traefik leads the traffic of one machine.

While two versions share the traffic, its first line is a comment that says why and until when: what
is written in one file can only be there together with the weights.
Source: https://doc.traefik.io/traefik/reference/routing-configuration/other-providers/file/
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlops.core import hashing
from mlops.deployment.mover import Split, read, role

FILE = "live.yml"
HEADER = "X-Served-By"  # of each answer: which pod gave it
# Of each request: as what the pod gets it. Whatever a client has sent by that name is replaced.
ROLE = "X-Mlops-Role"
READ = "X-Read"  # of /read on the port of the metrics: which file Traefik has read
# The service closes a connection that rests for serving.keep_alive: a request must not meet that.
IDLE = "2s"


@dataclass(frozen=True)
class Backend:
    """A pod, on a port of loopback."""

    name: str
    port: int


@dataclass(frozen=True)
class Traffic:
    """Who gets the requests: one pod, or two while a split says how."""

    live: Backend
    second: Backend | None = None
    split: Split | None = None
    most: int = 0  # bytes of a body that is copied to a shadow

    @property
    def digest(self) -> str:
        """Return what tells this file from the one before."""
        return hashing.text(repr(self))[:16]

    @property
    def text(self) -> str:
        """Return the file."""
        pods = [one for one in (self.live, self.second) if one]
        headers = {
            one.name: {
                "customRequestHeaders": {ROLE: role(one == self.live, self.split)},
                "customResponseHeaders": {HEADER: one.name},
            }
            for one in pods
        }
        headers["read"] = {"customResponseHeaders": {READ: self.digest}}
        written = {
            "http": {
                "routers": {**self._routers(), "read": _on_metrics()},
                "middlewares": {name: {"headers": header} for name, header in headers.items()},
                "services": {"live": self._service(), **{one.name: _balancer(one) for one in pods}},
                "serversTransports": {"pods": {"forwardingTimeouts": {"idleConnTimeout": IDLE}}},
            }
        }
        first = f"# {self.split.text}\n" if self.split else ""
        return first + yaml.safe_dump(written)

    def _routers(self) -> dict[str, Any]:
        rules = self.split.rules if self.split and self.second else ()
        found: dict[str, Any] = {"all": {"rule": "PathPrefix(`/`)", "service": "live"}}
        for place, rule in enumerate(rules):
            pod = self.second if rule.second and self.second else self.live
            match = f"HeaderRegexp(`{rule.header}`, `{rule.pattern}`)"
            found[f"rule-{place}"] = {
                "rule": match, "service": pod.name, "priority": 1000 - place,
            }  # fmt: skip
        return {name: {**one, "entryPoints": ["web"]} for name, one in found.items()}

    def _service(self) -> dict[str, Any]:
        """Return the service that divides: the first that it names is live."""
        if not self.second or not self.split:
            return {"weighted": {"services": [{"name": self.live.name, "weight": 1}]}}
        weight, second = self.split.weight, self.second.name
        if self.split.role == "shadow":
            copy = {"name": second, "percent": weight}
            return {"mirroring": {"service": self.live.name, "maxBodySize": self.most,
                                  "mirrors": [copy]}}  # fmt: skip
        weights = {self.live.name: 100 - weight, second: weight}
        return {"weighted": {"services": [{"name": n, "weight": w} for n, w in weights.items()]}}


def _balancer(one: Backend) -> dict[str, Any]:
    where = [{"url": f"http://127.0.0.1:{one.port}"}]
    return {
        "middlewares": [one.name],
        "loadBalancer": {"servers": where, "serversTransport": "pods"},
    }


def _on_metrics() -> dict[str, Any]:
    return {
        "rule": "Path(`/read`)",
        "entryPoints": ["metrics"],
        "service": "noop@internal",
        "middlewares": ["read"],
    }


def named(folder: Path) -> str:
    """Return the live pod, by the file in a folder; nothing where there is none."""
    try:
        found = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))["http"]
    except FileNotFoundError:
        return ""
    if "told" in found["middlewares"]:  # as releases up to 0.4.0 wrote it
        return str(found["middlewares"]["told"]["headers"]["customResponseHeaders"][HEADER])
    service = found["services"]["live"]
    if "mirroring" in service:
        return str(service["mirroring"]["service"])
    return str(service["weighted"]["services"][0]["name"])


def divided(folder: Path) -> Split | None:
    """Return what the file says of its weights; None where one pod has all of the traffic."""
    try:
        first, _, _ = (folder / FILE).read_text(encoding="utf-8").partition("\n")
    except FileNotFoundError:
        return None
    return read(first.removeprefix("# ")) if first.startswith("#") else None
