"""Why a request, or one text of a list, gets no prediction: one shape for all of them."""

from typing import Any


class RefusedError(Exception):
    """An answer other than a prediction: the status, a stable code, a sentence, the limit."""

    def __init__(self, status: int, code: str, message: str, **facts: int | str) -> None:
        super().__init__(message)
        self.status = status
        self.headers: dict[str, str] = {}
        self.error: dict[str, Any] = {"code": code, "message": message, **facts}

    def with_headers(self, **headers: str) -> "RefusedError":
        """Add headers; `_` in their names stands for `-`."""
        self.headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self


def too_large(limit: int, found: int) -> RefusedError:
    """The body has more bytes than are read; the connection ends, since the rest is not read."""
    message = f"the body may have up to {limit} bytes, this one has at least {found}"
    return RefusedError(413, "body_too_large", message, limit=limit, found=found).with_headers(
        connection="close"
    )


def too_many(limit: int, found: int) -> RefusedError:
    """The list has more texts than are taken."""
    message = f"a list may have up to {limit} texts, this one has {found}; send it in parts"
    return RefusedError(422, "too_many_texts", message, limit=limit, found=found)


def too_long(limit: int, found: int) -> RefusedError:
    """A text has more characters than are taken."""
    message = f"a text may have up to {limit} characters, this one has {found}"
    return RefusedError(422, "text_too_long", message, limit=limit, found=found)


def busy(seconds: int) -> RefusedError:
    """More requests wait than will be served in time."""
    message = f"too many requests are waiting; try again in {seconds} s"
    return RefusedError(503, "busy", message, retry_after=seconds).with_headers(
        retry_after=str(seconds)
    )
