"""The forms that a request may have, each in one line.

Errors and the description of the service (OpenAPI) take the forms from here.
"""

from mlops.serving.schemas import Form

FORMS = {
    "OneText": Form("one text", ("text",)),
    "Texts": Form(
        "a list; an item that cannot be predicted gets an error of its own", ("texts",), many=True
    ),
}
