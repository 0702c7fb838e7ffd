"""From predictions and errors to the JSON that a client gets."""

import json
from collections.abc import Sequence
from typing import Any

from mlops.serving.engine import Prediction
from mlops.serving.errors import RequestError
from mlops.serving.schemas import Request

DIGITS = 6


def format_prediction(found: Prediction) -> dict[str, Any]:
    """Return one prediction as JSON values."""
    values = {
        "label": found.label,
        "probabilities": {name: round(p, DIGITS) for name, p in found.probabilities.items()},
        "tokens": found.tokens,
        "truncated": found.truncated,
        "unknown": found.unknown,
    }
    return {**values, "warning": found.warning} if found.warning else values


def merge(request: Request, found: Sequence[Prediction], model: dict[str, str]) -> dict[str, Any]:
    """Return predictions and errors in the order of the texts, with the model that made them."""
    predictions = iter(found)
    results = [
        {"error": item.error}
        if isinstance(item, RequestError)
        else format_prediction(next(predictions))
        for item in request.items
    ]
    if request.single:
        return {**results[0], "model": model}
    return {"results": results, "model": model}


def encode(value: Any) -> bytes:
    """Return JSON; what is not ASCII is escaped, so that no text can break it."""
    return json.dumps(value, separators=(",", ":")).encode()
