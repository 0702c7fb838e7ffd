"""The HTTP of the tests' API server: lists, watches, server-side apply, patches, status."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import yaml

import api_objects
from api_discovery import Where, discovered, where
from api_objects import Answer

if TYPE_CHECKING:
    from cluster import Cluster

Query = dict[str, list[str]]
INITIAL = {"annotations": {"k8s.io/initial-events-end": "true"}}


class _Handler(BaseHTTPRequestHandler):
    cluster: "Cluster"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each event of a watch waits 40 ms

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _body(self) -> Any:
        raw = self._raw()
        return yaml.safe_load(raw) if raw else None

    def _raw(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, answer: Answer) -> None:
        raw = json.dumps(answer[1]).encode()
        self.send_response(answer[0])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _found(self, path: str) -> Where | None:
        return where(path, self.cluster.kinds)

    def _listed(self, found: Where, query: Query) -> Answer:
        with self.cluster.changed:
            items = [
                value
                for path, value in self.cluster.objects.items()
                if found.holds(path) and _selects(query, value)
            ]
            meta = {"resourceVersion": str(self.cluster.version)}
        # `List` instead of, say, `HTTPRouteList` is refused by typed clients such as Traefik's.
        kind = {"kind": f"{found.kind}List", "apiVersion": found.version}
        return 200, {**kind, "metadata": meta, "items": items}

    def _watch(self, found: Where, query: Query) -> None:
        """Send what changes, until the client has gone or the server ends."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        seen = int(query.get("resourceVersion", ["0"])[0] or 0)
        with suppress(OSError):
            if query.get("sendInitialEvents") == ["true"]:
                seen = self._send_all(found, query)
            while (events := self._events(seen)) is not None:
                for version, kind, path, value in events:
                    seen = version
                    if found.holds(path) and _selects(query, value):
                        self._event(kind, value)
        self.close_connection = True

    def _send_all(self, found: Where, query: Query) -> int:
        listed = self._listed(found, query)[1]
        for value in listed["items"]:
            self._event("ADDED", value)
        meta = {**INITIAL, **listed["metadata"]}
        self._event("BOOKMARK", {"kind": found.kind, "apiVersion": found.version, "metadata": meta})
        return int(listed["metadata"]["resourceVersion"])

    def _events(self, seen: int) -> list[tuple[int, str, str, Any]] | None:
        """Wait for what is newer than a version; None when the server ends."""
        cluster = self.cluster
        with cluster.changed:
            cluster.changed.wait_for(lambda: cluster.is_closing or cluster.version > seen)
            if cluster.is_closing:
                return None
            return [one for one in cluster.events if one[0] > seen]

    def _event(self, kind: str, value: Any) -> None:
        raw = json.dumps({"type": kind, "object": value}).encode() + b"\n"
        self.wfile.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query, found = parse_qs(url.query), self._found(url.path)
        if told := discovered(url.path, self.cluster.kinds):
            self._send((200, told))
        elif "/proxy/" in url.path:
            self._send(self.cluster.proxied(url.path, None))
        elif url.path in self.cluster.objects:
            self._send((200, self.cluster.objects[url.path]))
        elif found is None or found.name:
            self._send(api_objects.missing(url.path))
        elif query.get("watch", ["false"])[0] in ("true", "1"):
            self._watch(found, query)
        else:
            self._send(self._listed(found, query))

    def do_POST(self) -> None:
        path, body = urlsplit(self.path).path, self._body()
        if "/proxy/" in path:
            is_json = self.headers.get("Content-Type") == "application/json"
            self._send(self.cluster.proxied(path, body) if is_json else (415, {}))
            return
        whole = f"{path}/{body['metadata']['name']}"
        self.cluster.asked.append(f"POST {whole}")
        if whole in self.cluster.objects:
            answer = api_objects.refused(409, "AlreadyExists", f"{whole} already exists")
            self._send(answer)
        else:
            self._send(self.cluster.put(whole, body))

    def do_PUT(self) -> None:
        path, body = urlsplit(self.path).path, self._body()
        whole = path.removesuffix("/status")
        old = self.cluster.objects.get(whole, {"metadata": {}})
        given = body["metadata"].get("resourceVersion")
        if given and given != old["metadata"].get("resourceVersion"):
            self._send(api_objects.refused(409, "Conflict", "the object has been modified"))
        elif whole != path:
            self._send(self.cluster.put_status(whole, body.get("status")))
        else:
            self._send(self.cluster.put(path, body))

    def do_PATCH(self) -> None:
        path, body = urlsplit(self.path).path, self._body()
        whole = path.removesuffix("/status")
        kind = self.headers["Content-Type"]
        if whole != path:
            old = self.cluster.objects.get(whole, {}).get("status")
            status = api_objects.merged(old, body.get("status"))
            self._send(self.cluster.put_status(whole, status))
            return
        self.cluster.asked.append(f"PATCH {path}")
        if "apply" in kind:
            self._send(self.cluster.apply(path, body))
        elif "merge-patch" in kind:  # a strategic one is the same for maps, which is what is sent
            self._send(self.cluster.patch(path, body))
        else:
            self._send(api_objects.refused(415, "UnsupportedMediaType", kind))

    def do_DELETE(self) -> None:
        self._body()
        path = urlsplit(self.path).path
        self.cluster.asked.append(f"DELETE {path}")
        self._send(self.cluster.delete(path))


def _selects(query: Query, value: Any) -> bool:
    """Tell whether an object has the labels and the name that are asked for."""
    wanted = dict(re.findall(r"([^,=]+)=([^,]*)", query.get("labelSelector", [""])[0]))
    named = dict(re.findall(r"([^,=]+)=([^,]*)", query.get("fieldSelector", [""])[0]))
    name = value["metadata"]["name"]
    has_labels = wanted.items() <= value["metadata"].get("labels", {}).items()
    return bool(has_labels and named.get("metadata.name", name) == name)


@contextmanager
def serve(cluster: "Cluster") -> Iterator[str]:
    """Serve a cluster's API until the block ends; give its address."""
    handler = type("Handler", (_Handler,), {"cluster": cluster})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        with cluster.changed:
            cluster.is_closing = True
            cluster.changed.notify_all()
        server.shutdown()
        server.server_close()
