"""Ask a Prometheus server; what it cannot say is unknown, and unknown is never a number."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from mlops.config.schema import Params
from mlops.core.errors import OperateError

PATIENCE = 10.0  # seconds for an answer


@dataclass(frozen=True)
class Sample:
    """One element of an instant vector."""

    labels: Mapping[str, str]
    value: float


class Prometheus:
    """A Prometheus server at a URL."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()
        if urlsplit(self.url).hostname in ("127.0.0.1", "localhost", "::1"):
            self._session.trust_env = False  # http_proxy is not for this machine

    def value(self, query: str, at: float | None = None) -> float | None:
        """Return the number that a query gives; None where it is empty, NaN, or not one number."""
        found = self.vector(query, at)
        return found[0].value if len(found) == 1 and math.isfinite(found[0].value) else None

    def vector(self, query: str, at: float | None = None) -> list[Sample]:
        """Return the elements that a query gives, at a Unix time or now; raise OperateError."""
        given = {"query": query} | ({} if at is None else {"time": repr(at)})
        data = self._get("query", given)
        if data["resultType"] == "scalar":
            return [Sample({}, float(data["result"][1]))]
        return [Sample(one["metric"], float(one["value"][1])) for one in data["result"]]

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that are pending or firing."""
        found: list[dict[str, Any]] = self._get("alerts", {})["alerts"]
        return found

    def _get(self, path: str, given: Mapping[str, str]) -> Any:
        url = f"{self.url}/api/v1/{path}"
        try:
            answer = self._session.get(url, params=given, timeout=PATIENCE)
            body = answer.json()
        except requests.RequestException as error:
            raise OperateError(
                f"no Prometheus at {self.url} ({_reason(error)}). Start one with `make watch`, or "
                "set monitoring.prometheus to where one runs."
            ) from None
        if not isinstance(body, dict) or body.get("status") != "success":
            found = body.get("error") if isinstance(body, dict) else answer.text[:200]
            raise OperateError(f"{self.url} refused {given.get('query', path)}: {found}")
        return body["data"]


def address(params: Params) -> str:
    """Return where the environment's Prometheus is: the configured one, or this machine's."""
    return params.monitoring.prometheus or f"http://127.0.0.1:{params.monitoring.port}"


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return f"nothing within {PATIENCE:g} s"
    if isinstance(error, requests.JSONDecodeError):
        return "its answer is not JSON"
    return "connection refused" if "refused" in str(error) else type(error).__name__
