"""HTTP/1.1 as the workers speak it: uvicorn's, with answers to what it leaves open.

uvicorn loses the body of a request that offers another protocol, as every stock Java client does;
closes a connection that rests for 5 s, on which a proxy may just be sending; waits for a head
without end, in time and in size; and drops a client that has only ended its own side.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http import auto
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from mlops.serving import response
from mlops.serving.errors import RequestError
from mlops.serving.settings import Settings

UVICORNS_KEEP_ALIVE = 5
MAX_HEAD_BYTES = 64 * 1024


def install(settings: Settings) -> None:
    """Make uvicorn speak it in this process; BentoML has no other way to choose."""
    values = {"keep_alive": settings.keep_alive, "patience": settings.timeout}
    auto.AutoHTTPProtocol = type("Protocol", (Protocol,), values)


class Protocol(HttpToolsProtocol):
    """One connection."""

    keep_alive: float  # seconds that it may rest between requests
    patience: float  # seconds that the head of a request may take
    # Counts what is answered past the application, by status and code.
    count: ClassVar[Callable[[int, str], None]] = staticmethod(lambda _status, _code: None)

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        if self.timeout_keep_alive == UVICORNS_KEEP_ALIVE:  # else `bentoml serve` was told one
            self.timeout_keep_alive = self.keep_alive  # type: ignore[assignment]
        self._in_head = False
        self._idle_bytes = 0  # that came since the last piece of a request was complete
        self._overdue: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    # The transport's side

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a first request no longer than for the next."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self._cancel_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and see that a head comes to its end."""
        self._unset_keepalive_if_required()
        try:
            for start in range(0, len(data), MAX_HEAD_BYTES):
                self._parse(memoryview(data)[start : start + MAX_HEAD_BYTES])
        except httptools.HttpParserError:
            self._reject(RequestError(400, "bad_http", "this is not a request of HTTP/1.1"))
        except RequestError as error:
            self._reject(error)
        else:
            if self._overdue is None and not self._is_answering():
                self._overdue = self.loop.call_later(self.patience, self._give_up)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Answer what came whole to a client that has only ended its own side, as `nc -N` does."""
        if self.scheme == "https" or not self._is_answering() or self.cycle.more_body:
            return None
        self.cycle.keep_alive = False
        return True

    def pause_writing(self) -> None:
        """Wait for a client that reads nothing no longer than for one that sends nothing."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.timeout_keep_alive, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on with a client that reads again."""
        if self._stalled:
            self._stalled.cancel()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that rests, and one whose answers nobody fetched at once."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    # The parser's side

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Begin the answer; not if the head is going to be parsed again without its offer."""
        self._in_head, self._idle_bytes = False, 0
        if self._overdue:
            self._overdue.cancel()
            self._overdue = None
        if not self._offers_upgrade():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._idle_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._idle_bytes = 0
        if not self._offers_upgrade():
            super().on_message_complete()

    def _should_upgrade(self) -> bool:
        return False  # this service speaks nothing else

    def _offers_upgrade(self) -> bool:
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _parse(self, data: memoryview) -> None:
        """Feed the parser; it stops after a head that offers an upgrade, which is then ignored."""
        self._idle_bytes += len(data)
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                if not self._offers_upgrade():  # CONNECT: what follows is for another host
                    self.cycle.keep_alive = False
                    return
                data = data[offer.args[0] :]
                head = self._head_without_offer()
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                self.parser.feed_data(head)
            else:
                break
        if self._idle_bytes > MAX_HEAD_BYTES:
            text = f"the head of a request may have up to {MAX_HEAD_BYTES} bytes"
            raise RequestError(431, "head_too_large", text, limit=MAX_HEAD_BYTES)

    def _head_without_offer(self) -> bytes:
        """Return the head that was just parsed, as a client sends it that offers nothing."""
        version = self.parser.get_http_version().encode()
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    # What ends a connection

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _give_up(self) -> None:
        """Close a connection on which no head came to its end."""
        self._overdue = None
        if self._in_head:
            text = f"the head of the request was not complete after {self.patience:g} s"
            self._reject(RequestError(408, "slow_request", text, limit=f"{self.patience:g} s"))
        else:
            self.transport.close()

    def _reject(self, error: RequestError) -> None:
        """Answer past the application and close; a whole request before it is answered alone."""
        if self._is_answering() and not self.cycle.more_body:
            self.cycle.keep_alive = False
            return
        self.logger.info("%s: %s", error.error["code"], error)
        type(self).count(error.status, error.error["code"])
        body = response.encode({"error": error.error})
        head = (
            "content-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(STATUS_LINE[error.status] + head.encode() + body)
        self.transport.close()

    def _cancel_timers(self) -> None:
        for timer in (self._overdue, self._stalled):
            if timer:
                timer.cancel()
