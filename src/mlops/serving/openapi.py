"""The description of the service for people, clients and fuzzers.

BentoML derives its own from the method's signature; that knows neither the limits nor the errors.
"""

from typing import Any

from mlops.core.project import project
from mlops.serving.predictor import Predictor
from mlops.serving.schemas import example

# At least one character that is neither white space nor removed by normalisation.
VISIBLE = r"[^\s\u0000-\u001f\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]"
ERRORS = {
    400: "The body is not JSON of the described shape, or the request is not HTTP/1.1",
    405: "Wrong method",
    408: "The request did not arrive in time",
    413: "The body is larger than max_body_bytes",
    415: "The body is not declared as plain application/json in UTF-8",
    422: "A text cannot be predicted, or there are too many of them",
    431: "The head of the request is too large",
    503: "Too many requests are waiting; Retry-After says when to come back",
}


def describe(predictor: Predictor) -> dict[str, Any]:
    """Return the service as OpenAPI 3.1."""
    info = predictor.info
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{predictor.model['name']}: text classification",
            "version": predictor.model["version"],
            "description": f"One of {', '.join(info['labels'])} for a text.",
        },
        "paths": {
            "/predict": {"post": _predict(predictor)},
            "/info": {"get": _get("info", "The model and its limits", "application/json")},
            "/metrics": {"get": _get("metrics", "Prometheus metrics", "text/plain")},
            "/livez": {"get": _get("livez", "Alive: a prediction works", "text/plain")},
            "/readyz": {"get": _get("readyz", "Ready: a prediction works", "text/plain")},
            "/healthz": {"get": _get("healthz", "The same as /livez", "text/plain")},
        },
        "components": {"schemas": _schemas(predictor)},
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema, **more}}


def _get(name: str, summary: str, kind: str) -> dict[str, Any]:
    schema = {"type": "object" if kind.endswith("json") else "string"}
    responses = {"200": {"description": summary, "content": {kind: {"schema": schema}}}}
    return {"operationId": name, "summary": summary, "responses": responses}


def _predict(predictor: Predictor) -> dict[str, Any]:
    examples = {
        name: {"summary": form.summary, "value": example(form, predictor.example, "")}
        for name, form in project().requests().items()
    }
    schema = {"oneOf": [_ref(name) for name in project().requests()]}
    failures = {
        str(status): {"description": text, "content": _json(_ref("Failure"))}
        for status, text in ERRORS.items()
    }
    found = {
        "description": "The prediction, or for a list all predictions in the order of the texts",
        "content": _json({"anyOf": [_ref("Answer"), _ref("Answers")]}),
    }
    return {
        "operationId": "predict",
        "summary": "Classify one text or a list of texts",
        "requestBody": {"required": True, "content": _json(schema, examples=examples)},
        "responses": {"200": found, **failures},
    }


def _schemas(predictor: Predictor) -> dict[str, Any]:
    labels, settings = predictor.info["labels"], predictor.settings
    text = {"type": "string", "maxLength": settings.max_chars, "pattern": VISIBLE}
    items = {"description": f"a text of up to {settings.max_chars} characters"}
    texts = {"type": "array", "maxItems": settings.max_items, "items": items}
    result = {
        "label": {"type": "string", "enum": labels},
        "probabilities": _closed({label: {"type": "number"} for label in labels}),
        "tokens": {"type": "integer", "description": "read by the model"},
        "truncated": {"type": "boolean", "description": "whether the end was not read"},
        "unknown": {"type": "number", "description": "share of the words new to the model"},
    }
    # What a project adds in `predict` may stand beside these.
    more = {"warning": {"type": "string", "description": "unusually many words are unknown"}}
    more |= project().response_fields()
    error = _closed({"code": {"type": "string"}, "message": {"type": "string"}})
    error["additionalProperties"] = {"type": ["string", "integer"]}  # limit, found, retry_after
    model = _closed({"name": {"type": "string"}, "version": {"type": "string"}})
    failure = _closed({"error": error})
    either = {"oneOf": [_open(result, more), failure]}
    return {
        **{
            name: _closed(dict.fromkeys(form.fields, texts if form.many else text))
            for name, form in project().requests().items()
        },
        "Answer": _open({**result, "model": model}, more),
        "Answers": _open({"results": {"type": "array", "items": either}, "model": model}, more),
        "Failure": failure,
    }


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    """Return an object with exactly these properties."""
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def _open(properties: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Return an object with these properties, and perhaps with more."""
    return {"type": "object", "required": list(properties), "properties": {**more, **properties}}
