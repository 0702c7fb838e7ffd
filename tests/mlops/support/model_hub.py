"""A hub of models in memory, as far as huggingface_hub needs one to make and fill a repository."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_writes"


class Hub:
    """Repositories, by name: whether each is private, its files, its last message."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.private: dict[str, bool] = {}
        self.files: dict[str, dict[str, bytes]] = {}
        self.message = ""
        self._objects: dict[str, bytes] = {}

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Return status and JSON."""
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if path.startswith("/lfs/"):
            self._objects[path.removeprefix("/lfs/")] = body
            return 200, {}
        return self._of_a_repository(method, path, body)

    def _of_a_repository(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        name, _, rest = path.removeprefix("/api/models").removeprefix("/").partition("/")
        owner, (name, _, rest) = name, rest.partition("/")
        if rest.endswith("info/lfs/objects/batch"):
            return 200, {
                "transfer": "basic",
                "objects": [*map(self._place, json.loads(body)["objects"])],
            }
        repository = f"{owner}/{name}"
        if rest.startswith("preupload"):
            found = [self._mode(one["path"]) for one in json.loads(body)["files"]]
            return 200, {"files": found}
        if rest.startswith("commit"):
            return self._commit(repository, [json.loads(line) for line in body.splitlines()])
        if method == "GET" and repository in self.private:
            return 200, {"id": repository, "private": self.private[repository]}
        return 404, {"error": f"no {method} {path}"}

    def _create(self, asked: dict[str, Any]) -> tuple[int, Any]:
        name = f"{asked['organization']}/{asked['name']}"
        if asked["organization"] == "strangers":
            return 403, {"error": "You don't have the rights to create a model under strangers"}
        known = name in self.private
        self.private.setdefault(name, asked.get("visibility") == "private")
        return 409 if known else 200, {"url": f"{self.url}/{name}", "name": name}

    @staticmethod
    def _mode(path: str) -> dict[str, Any]:
        mode = "lfs" if re.search(r"weights|safetensors$", path) else "regular"
        return {"path": path, "uploadMode": mode, "shouldIgnore": False}

    def _place(self, one: dict[str, Any]) -> dict[str, Any]:
        return {**one, "actions": {"upload": {"href": f"{self.url}/lfs/{one['oid']}"}}}

    def _commit(self, repository: str, lines: list[dict[str, Any]]) -> tuple[int, Any]:
        made = self.files.setdefault(repository, {})
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                self.message = value["summary"]
            elif line["key"] == "file":
                made[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                content = self._objects[value["oid"]]
                assert hashlib.sha256(content).hexdigest() == value["oid"]
                made[value["path"]] = content
        return 200, {"commitUrl": f"{self.url}/{repository}/commit/c0ffee", "commitOid": "c0ffee"}


@contextmanager
def running() -> Iterator[Hub]:
    """Run a hub on loopback."""

    class Handler(BaseHTTPRequestHandler):
        """Gives each request to the hub."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            known = self.path.startswith("/lfs/") or TOKEN in self.headers.get("Authorization", "")
            path = self.path.partition("?")[0]
            status, value = (
                hub.answer(self.command, path, body)
                if known
                else (401, {"error": "Invalid username or password."})
            )
            text = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub = Hub(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield hub
        server.shutdown()
