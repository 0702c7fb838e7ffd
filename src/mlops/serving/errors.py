"""Why a request, or one text of a list, gets no prediction: one shape for all of them."""

from typing import Any

# All codes that a client may get; what is counted by code has no other.
CODES = frozenset(
    {
        "bad_http", "bad_json", "bad_shape", "body_too_large", "busy", "empty_text", "encoded_body",
        "head_too_large", "internal", "lone_surrogate", "not_found", "not_json", "not_text",
        "not_utf8", "slow_request", "text_too_long", "too_many_texts", "wrong_method",
    }
)  # fmt: skip


class RequestError(Exception):
    """What a client gets in place of a prediction: status, stable code, sentence, limit."""

    def __init__(self, status: int, code: str, message: str, **details: int | str) -> None:
        super().__init__(message)
        self.status = status
        self.headers: dict[str, str] = {}
        self.error: dict[str, Any] = {"code": code, "message": message, **details}

    def with_headers(self, **headers: str) -> "RequestError":
        """Add headers; `_` in their names stands for `-`."""
        self.headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self


def too_large(limit: int, found: int) -> RequestError:
    """The body has more bytes than are read; the connection ends, since the rest is not read."""
    message = f"the body may have up to {limit} bytes, this one has at least {found}"
    return RequestError(413, "body_too_large", message, limit=limit, found=found).with_headers(
        connection="close"
    )


def too_many(limit: int, found: int) -> RequestError:
    """The list has more texts than are taken."""
    message = f"a list may have up to {limit} texts, this one has {found}; send it in parts"
    return RequestError(422, "too_many_texts", message, limit=limit, found=found)


def too_long(limit: int, found: int) -> RequestError:
    """A text has more characters than are taken."""
    message = f"a text may have up to {limit} characters, this one has {found}"
    return RequestError(422, "text_too_long", message, limit=limit, found=found)


def busy(seconds: int) -> RequestError:
    """More requests wait than will be served in time."""
    message = f"too many requests are waiting; try again in {seconds} s"
    return RequestError(503, "busy", message, retry_after=seconds).with_headers(
        retry_after=str(seconds)
    )
