"""The forms that a request may have, each in one line, and what a response has more than ours.

Errors and the description of the service (OpenAPI) take both from here.
"""

from typing import Any

from mlops.serving.schemas import Form

FORMS = {
    "OneText": Form("one text", ("text",)),
    "Texts": Form(
        "a list; an item that cannot be predicted gets an error of its own", ("texts",), many=True
    ),
}

# What `predict` in ml.service adds to a response, as JSON schemas: {"team": {"type": "string"}}.
FIELDS: dict[str, Any] = {}
