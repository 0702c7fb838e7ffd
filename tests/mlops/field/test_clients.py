"""Services as clients meet them, typed as `make predict`: a prediction, or the sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import answering
import served
from door import Project, project

pytestmark = pytest.mark.field
# Nobody listens there.
PROXY = "http://bob:s3cret@127.0.0.1:9"  # pragma: allowlist secret


@dataclass(frozen=True)
class Case:
    """What a service answers, what the user has set, and what must be printed.

    `{port}` stands for the port of the service. Without `answer` nobody listens there; None never
    answers. Where `says` is empty a prediction must come.
    """

    name: str
    says: tuple[str, ...] = ()
    answer: bytes | None = answering.GOOD
    listens: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)
    path: str = "/predict"  # what a service that predicts must have been asked


def at(url: str, **more: str) -> dict[str, str]:
    """Return the variable that names the service, and others."""
    return {"SERVICE_URL": url, **more}


NOT_OURS = "not as this service does"
MOVED = answering.http(301, "", "", "Location: https://bob:s3cret@there/predict?key=s3cret")
CASES = (
    Case("plain"),
    Case("a proxy's 502", ("answered 502 (HTML)", NOT_OURS), answering.BAD_GATEWAY),
    Case("a proxy's 404", ("answered 404 (HTML)",), answering.http(404, "<html>", "text/html")),
    Case("a page to log in", ("answered 200 (HTML)",), answering.http(200, "<html>", "text/html")),
    Case("an empty body", ("answered 200 (empty)",), answering.http(200)),
    Case("no JSON", ("answered 200 (invalid JSON)",), answering.http(200, "hello")),
    Case("another service", ("answered 200 (JSON)", NOT_OURS), answering.http(200, '{"a": 1}')),
    Case("a redirect", ("a redirect to https://there. Set SERVICE_URL",), MOVED),
    Case("no byte", ("closed the connection",), b""),
    Case("half an answer", ("in the middle",), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
    Case("another protocol", ("is not HTTP",), b"SSH-2.0-x\r\n"),
    Case("never an answer", ("nothing within 30 s",), None),
    Case("nobody there", ("no service at", "connection refused", "make serve"), listens=False),
    Case("no TLS", ("no TLS", "Is it http://"), variables=at("https://127.0.0.1:{port}")),
    Case("a slash behind", variables=at("http://127.0.0.1:{port}/")),
    Case("no scheme", variables=at("127.0.0.1:{port}")),
    Case("upper case", variables=at("HTTP://LOCALHOST:{port}")),
    Case("a prefix", variables=at("http://127.0.0.1:{port}/team/"), path="/team/predict"),
    Case("a password", variables=at("http://bob:s3cret@127.0.0.1:{port}")),
    Case("a query", ("without a query",), variables=at("http://127.0.0.1:{port}/?key=s3cret")),
    Case("no such host", ("no host nowhere.invalid",), variables=at("http://nowhere.invalid")),
    Case("a port that is none", ("PORT: expected a port",), variables={"PORT": "3000x"}),
    Case("loopback and a proxy", variables={"http_proxy": PROXY, "HTTP_PROXY": PROXY}),
    Case(
        "a proxy that refuses",
        ("through the proxy http://127.0.0.1:9", "no_proxy=host.invalid"),
        variables=at("http://host.invalid", http_proxy=PROXY),
    ),
    Case(
        "past the proxy",
        ("no host host.invalid",),
        variables=at("http://host.invalid", http_proxy=PROXY, no_proxy=".invalid"),
    ),
)


@pytest.fixture(name="home", scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One clone for all cases: none writes into it."""
    return project(tmp_path_factory.mktemp("clients") / "project")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_a_client_is_answered_or_told_why_not(case: Case, home: Project) -> None:
    """A prediction, or one sentence and exit code 2 of make; no traceback, no secret."""
    with answering.serve(case.answer) as server:
        port = str(server.port if case.listens else served.free_port())
        variables = {"PORT": port, **case.variables}
        given = {name: value.replace("{port}", port) for name, value in variables.items()}
        answer = home.run("make", "predict", "TEXT=a fine film", timeout=60, **given)

    assert "Traceback" not in answer.output
    assert "s3cret" not in answer.output
    assert [text for text in case.says if text not in answer.output] == [], answer.output
    assert (answer.code == 0) == (not case.says), answer.output
    if not case.says:
        assert "positive   75.0%" in answer.output
        info = f"{case.path.removesuffix('predict')}info"  # is the model one of synthetic data?
        assert [request.split()[1] for request in server.requests] == [case.path, info]


def test_a_load_test_begins_with_the_same_question(home: Project, tmp_path: Path) -> None:
    """It fails before a minute of failures, and writes no report."""
    report = home.folder / "reports" / "load_test.json"
    with answering.serve(answering.BAD_GATEWAY) as server:
        url = f"http://bob:s3cret@127.0.0.1:{server.port}/"  # pragma: allowlist secret
        answer = home.run("make", "load-test", f"URL={url}", http_proxy=PROXY)

    assert answer.code
    assert "answered 502 (HTML), not as this service does" in answer.output
    assert "Traceback" not in answer.output
    assert "s3cret" not in answer.output
    assert not report.exists()
