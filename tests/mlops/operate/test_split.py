"""Traffic that a real Traefik divides as the file says."""

import json
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import containers
import proxies
from ml.config import Params
from mlops.deployment.mover import Rule, Split
from mlops.deployment.traefik.traffic import HEADER, Backend, Traffic
from proxies import Proxy

pytestmark = pytest.mark.integration

BEGUN, DEADLINE = "2026-11-29T12:00:00+00:00", "2026-11-29T12:15:00+00:00"


class Pod(BaseHTTPRequestHandler):
    """Answers each request, and counts it."""

    protocol_version = "HTTP/1.1"
    seen: Counter[str]

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen[self.path] += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *_args: object) -> None:
        """Say nothing."""


@contextmanager
def pod(name: str) -> Iterator[tuple[Backend, "Counter[str]"]]:
    """Run a pod; give where it is and what it has seen."""
    seen: Counter[str] = Counter()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Pod,), {"seen": seen}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Backend(name, server.server_port), seen
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(name="proxy")
def _proxy(traefik: Path, tmp_path: Path, make_params: Callable[..., Params]) -> Iterator[Proxy]:
    with proxies.run(traefik, tmp_path, make_params(environment="qa").deploy) as found:
        yield found


def ask(proxy: Proxy, times: int, **headers: str) -> Counter[str]:
    """Return how often which pod has answered."""
    found: Counter[str] = Counter()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    for _ in range(times):
        request = urllib.request.Request(
            f"http://127.0.0.1:{proxy.port}/predict", json.dumps({"text": "x"}).encode(), names
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found[answer.headers[HEADER]] += 1
    return found


def test_each_weight_divides_the_requests_as_it_says(proxy: Proxy) -> None:
    """From the moment that the write returns, exactly; weight 0 leaves no client behind."""
    with ExitStack() as stack:
        (blue, _), (green, _) = (stack.enter_context(pod(f"qa-{n}")) for n in ("blue", "green"))
        for weight in (5, 25, 0, 100):
            split = Split("canary", "8", weight, BEGUN, DEADLINE)
            proxy.write(Traffic(blue, green, split))
            expected = {"qa-blue": 100 - weight, "qa-green": weight}
            assert ask(proxy, 100) == {k: v for k, v in expected.items() if v}

        proxy.write(Traffic(blue))
        assert ask(proxy, 20) == {"qa-blue": 20}
    counted = proxy.metrics()
    assert 'traefik_service_requests_total{code="200",method="POST",protocol="http",' in counted
    assert 'service="qa-green@file"} 130' in counted


def test_a_dead_second_pod_is_counted_by_the_proxy(proxy: Proxy) -> None:
    """It cannot count its own 502."""
    with pod("qa-blue") as (blue, _):
        dead = Backend("qa-green", proxy.port + 2)
        proxy.write(Traffic(blue, dead, Split("canary", "8", 100, BEGUN, DEADLINE)))
        with pytest.raises(OSError, match="502"):
            ask(proxy, 1)
        counted = proxy.metrics()
    assert 'traefik_service_requests_total{code="502",method="POST",protocol="http",' in counted


def test_a_key_goes_where_its_rule_says_whatever_the_weights(proxy: Proxy) -> None:
    """In a header or a cookie; without a key the request itself is drawn."""
    rules = (
        Rule("X-Unit", "^[0-7]", second=True),
        Rule("X-Unit", "^[89a-f]", second=False),
        Rule("Cookie", "(^|; *)unit=[0-7]", second=True),
    )
    with ExitStack() as stack:
        (blue, _), (green, _) = (stack.enter_context(pod(f"qa-{n}")) for n in ("blue", "green"))
        proxy.write(Traffic(blue, green, Split("ab", "8", 50, BEGUN, DEADLINE, rules)))

        assert ask(proxy, 20, X_Unit="3f") == {"qa-green": 20}
        assert ask(proxy, 20, X_Unit="9f") == {"qa-blue": 20}
        assert ask(proxy, 20, Cookie="a=b; unit=0c") == {"qa-green": 20}
        assert ask(proxy, 20) == {"qa-blue": 10, "qa-green": 10}


def test_a_shadow_gets_copies_and_answers_nobody(proxy: Proxy) -> None:
    """All of them, bodies too; each answer is the live pod's."""
    with ExitStack() as stack:
        (blue, _), (green, copied) = (
            stack.enter_context(pod(f"qa-{n}")) for n in ("blue", "green")
        )
        split = Split("shadow", "8", 100, BEGUN, DEADLINE)
        proxy.write(Traffic(blue, green, split, most=1_000_000))

        assert ask(proxy, 50) == {"qa-blue": 50}
        containers.wait_for(lambda: copied["/predict"] == 50, lambda: str(copied))
