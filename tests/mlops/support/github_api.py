"""A small GitHub on loopback: it keeps what it is told, answers in pages, wants the token."""

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "the token of a test"
REPOSITORY = "team/project"


class Store:
    """Lists by path below the repository, and the calls that changed something."""

    def __init__(self) -> None:
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.calls: list[tuple[str, str, Any]] = []
        self.ids = itertools.count(1)
        self.refuse: int | None = None
        self.url = ""

    def get(self, path: str, query: dict[str, list[str]]) -> Any:
        """Return a page of a list, or the one item that is meant."""
        if match := re.fullmatch(r"/releases/tags/(.+)", path):
            found = [r for r in self.lists.get("/releases", []) if r["tag_name"] == match[1]]
            return found[0] if found else None
        size, page = (int(query[name][0]) for name in ("per_page", "page"))
        items = self.lists.get(path, [])[size * (page - 1) : size * page]
        key = {"jobs": "jobs", "deployment-branch-policies": "branch_policies"}.get(
            path.rsplit("/", 1)[1]
        )
        return {"total_count": len(items), key: items} if key else items

    def change(self, method: str, path: str, body: Any) -> Any:
        """Add, replace or remove."""
        self.calls.append((method, path, body))
        if method == "DELETE":
            parent, _, last = path.rpartition("/")
            kept = [one for one in self.lists.get(parent, []) if str(one["id"]) != last]
            self.lists[parent] = kept
            return None
        if method == "POST":
            made = {"id": next(self.ids), **(body if isinstance(body, dict) else {"raw": body})}
            made |= {"number": made["id"], "assets": [], "html_url": f"{self.url}{path}"}
            made["upload_url"] = f"{self.url}/uploads/{made['id']}/assets{{?name,label}}"
            self.lists.setdefault(path, []).append(made)
            return made
        parent, _, last = path.rpartition("/")
        for one in self.lists.get(parent.replace("/issues/comments", "/issues/7/comments"), []):
            if str(one.get("id")) == last and isinstance(body, dict):
                one.update(body)
                return one
        return {}


class Handler(BaseHTTPRequestHandler):
    """Speaks for a store."""

    store: Store

    def do_any(self) -> None:
        """Answer one request."""
        length = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(length)
        parts = urlsplit(self.path)
        path = parts.path.removeprefix(f"/repos/{REPOSITORY}")
        if self.headers["authorization"] != f"Bearer {TOKEN}":
            return self.answer(401, {"message": "Bad credentials"})
        if self.store.refuse:
            return self.answer(self.store.refuse, {"message": "Resource not accessible"})
        if self.command == "GET":
            found = self.store.get(path, parse_qs(parts.query))
            return self.answer(200 if found is not None else 404, found)
        is_json = self.headers["content-type"] == "application/json"
        body = json.loads(raw) if raw and is_json else raw.decode()
        if path.startswith("/uploads/"):
            path = f"{path}?{parts.query}"
        return self.answer(200, self.store.change(self.command, path, body))

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_any  # noqa: N815

    def answer(self, status: int, body: Any) -> None:
        """Send JSON."""
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def running() -> Iterator[Store]:
    """Serve a store until the block ends."""
    store = Store()
    handler = type("Mine", (Handler,), {"store": store})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        store.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield store
        server.shutdown()
        thread.join()
