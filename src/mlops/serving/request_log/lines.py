"""From an answered request to the lines that are kept of it, one for each prediction."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlops.serving.request import Headers
from mlops.serving.schemas import Form

LIVE = "live"
ROLES = {one.encode(): one for one in (LIVE, "canary", "shadow")}


@dataclass(frozen=True, slots=True)
class Entry:
    """A request that was answered: when, its name, whose and as what, what was asked and found."""

    time: float
    name: str
    unit: str | None
    role: str
    form: Form
    fields: Mapping[str, Any]
    found: Mapping[str, Any]
    size: int  # bytes of its body


@dataclass(frozen=True)
class Kept:
    """What each line says of the model, and what it says of a text."""

    labels: tuple[str, ...]
    origin: Mapping[str, str]  # version, model_sha256
    texts: bool = False
    key: bytes = b""  # of the HMAC that stands for a text
    role_header: bytes = b""  # in which a proxy says as what it asks; none: nobody does

    def role(self, headers: Headers) -> str:
        """Return as what the model was asked, in the words of the log."""
        found = next((value for name, value in headers if name == self.role_header), b"")
        return ROLES.get(found, LIVE)

    def lines(self, entry: Entry) -> list[bytes]:
        """Return the lines of a request: none for a text that was refused."""
        return [
            json.dumps(self._line(entry, item, one), separators=(",", ":")).encode() + b"\n"
            for item, one in predictions(entry.found)
        ]

    def _line(self, entry: Entry, item: int, one: Mapping[str, Any]) -> dict[str, Any]:
        text = _text(entry, item)
        probabilities = [one["probabilities"][label] for label in self.labels]
        return {
            "request_id": entry.name,
            "time": round(entry.time * 1000),
            **self.origin,
            "role": entry.role,
            "item": item,
            "label": one["label"],
            "confidence": max(probabilities),
            "probabilities": probabilities,
            "chars": len(text),
            "tokens": one["tokens"],
            "unknown_share": one["unknown"],
            "truncated": one["truncated"],
            "text": text if self.texts else None,
            "text_hmac": self._hmac(text),
            "unit": self._hmac(entry.unit) or entry.unit,
        }

    def _hmac(self, text: str | None) -> str | None:
        if not self.key or text is None:
            return None
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()


def predictions(found: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Give each prediction of a response with its place in the request."""
    for item, one in enumerate(found.get("results", [found])):
        if "error" not in one:
            yield item, one


def _text(entry: Entry, item: int) -> str:
    """Return a text as the client sent it."""
    texts = [entry.fields[name] for name in entry.form.fields]
    return str(texts[0][item]) if entry.form.many else entry.form.join.format(*texts)
