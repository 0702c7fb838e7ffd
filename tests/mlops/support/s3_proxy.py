"""An S3 server of another kind, made of the platform's: it refuses what older servers refuse."""

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Refusal = tuple[int, str, str]
# What a request gets instead of an answer: its method and headers are looked at.
Rule = Callable[[str, Mapping[str, str]], Refusal | None]


def checksums(method: str, headers: Mapping[str, str]) -> Refusal | None:
    """Refuse the checksums that boto adds by default, as servers before 2025 do."""
    if any(name.lower().startswith(("x-amz-checksum", "x-amz-trailer")) for name in headers):
        return 501, "NotImplemented", "A header you provided implies functionality that is absent"
    return None


@contextmanager
def proxy(upstream: str, rule: Rule) -> Iterator[str]:
    """Give the address of a server that forwards what the rule lets pass."""
    there = urlsplit(upstream).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if refused := rule(self.command, dict(self.headers)):
                code, name, message = refused
                text = f"<Error><Code>{name}</Code><Message>{message}</Message></Error>".encode()
                self.reply(code, {"Content-Type": "application/xml"}, text)
                return
            connection = http.client.HTTPConnection(there, timeout=60)
            connection.putrequest(self.command, self.path, True, True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "expect"):
                    connection.putheader(name, value)
            connection.endheaders(body)
            found = connection.getresponse()
            kept = {k: v for k, v in found.getheaders() if k.lower() not in DROPPED}
            self.reply(found.status, kept, found.read(), found.getheader("content-length"))

        def reply(
            self, code: int, headers: Mapping[str, str], text: bytes, size: str | None = None
        ) -> None:
            self.send_response_only(code)
            for name, value in headers.items():
                self.send_header(name, value)
            length = size if self.command == "HEAD" and size else str(len(text))
            self.send_header("Content-Length", length)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815  # their names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


DROPPED = ("transfer-encoding", "connection", "content-length")
