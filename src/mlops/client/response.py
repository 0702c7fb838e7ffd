"""What came back from an address, and the sentence for what is no answer of this service."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops.client import proxy
from mlops.client.address import Address, printable, shown
from mlops.client.failure import ADDRESS, ServiceError, around

REDIRECTS = frozenset({301, 302, 303, 307, 308})
NO_SUCH_PATH = frozenset({404, 405})


@dataclass(frozen=True)
class Response:
    """What came back, whatever it is."""

    status: int
    headers: Mapping[str, str]  # whatever the case of their names
    body: bytes

    @property
    def value(self) -> Any:
        """Return the parsed JSON; None where it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def what(self) -> str:
        """Say in a word what the body is."""
        kind = self.headers.get("Content-Type", "").lower()
        start = self.body[:200].lstrip().lower()
        if not start:
            return "empty"
        if "html" in kind or start.startswith((b"<!doctype html", b"<html")):
            return "HTML"
        if self.value is not None or start == b"null":
            return "JSON"
        if "json" in kind:
            return "invalid JSON"
        return printable(kind.partition(";")[0], 60) or "no Content-Type"

    @property
    def error_message(self) -> str:
        """Return the sentence of an error in the service's own form; empty where there is none."""
        error = self.value.get("error") if isinstance(self.value, dict) else None
        message = error.get("message") if isinstance(error, dict) and "code" in error else None
        return printable(message) if isinstance(message, str) else ""


def unlike(response: Response, address: Address, path: str) -> ServiceError:
    """Return the error that says what came instead of the expected response."""
    if response.error_message and response.status not in NO_SUCH_PATH:
        return ServiceError(f"the service at {address} refused: {response.error_message}", "")
    location = response.headers.get("Location", "")
    if response.status in REDIRECTS and location:
        there = shown(location).removesuffix("?...").removesuffix(path)
        return ServiceError(
            f"{address}{path} answered {response.status}, a redirect to {there or '/'}",
            "Set SERVICE_URL to the address of the service itself.",
        )
    found = (
        f"{address}{path} answered {response.status} ({response.what}), not as this service does"
    )
    if between := proxy.between(address):
        return ServiceError(found, around(between, address))
    return ServiceError(found, ADDRESS)


def is_info(value: Any) -> bool:
    """Tell whether a value is what /info answers: a model's name and version, and more."""
    return isinstance(value, dict) and value.keys() >= {"name", "version"}
