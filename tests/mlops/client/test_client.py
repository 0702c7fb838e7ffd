"""Rules of mlops.client: what a user may name, which proxy is between, what comes instead."""

import re
import ssl
import subprocess
from pathlib import Path

import pytest

import answering
from answering import http
from mlops.client import address, exchange, predict, proxy
from mlops.client.address import Address
from mlops.client.failure import ServiceError
from mlops.core.errors import ConfigError
from served import free_port


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the caller's proxies out."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
        ("http://127.0.0.1:3000///", "http://127.0.0.1:3000"),
        ("HTTP://LOCALHOST:3000", "http://localhost:3000"),
        ("127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("localhost:3000", "http://localhost:3000"),
        ("//host/team/", "http://host/team"),
        ("https://host/team/é", "https://host/team/%C3%A9"),
        ("https://[::1]:8443/x", "https://[::1]:8443/x"),
        ("http://bob:s3c%2Fret@host:80", "http://host:80"),  # pragma: allowlist secret
        ("bob:s3cret@host:80", "http://host:80"),
    ],
)
def test_an_address_is_read_as_it_is_meant(text: str, found: str) -> None:
    """However it is written; what proves who asks is not shown."""
    assert str(address.parse(text, "SERVICE_URL")) == found


def test_user_and_password_become_a_header() -> None:
    """Decoded, and in no text."""
    found = address.parse("http://bob:s3c%2Fret@host", "URL")

    assert found.headers == {"Authorization": "Basic Ym9iOnMzYy9yZXQ="}
    assert "s3c" not in repr(found)


@pytest.mark.parametrize(
    "text",
    [
        "ftp://bob:s3cret@host",  # pragma: allowlist secret
        "http://", "http:/host", "http://[::1", "http://a b",
        "http://host:abc", "http://host:99999", "http://host:0", "http://a..b",
        "http://127.0.0.1%0aX:80", "http://host\nX: y", "http://bob:s3c/ret@host",
        "http://bob:s3cret#@host", "http://host?key=s3cret", "http://host/#s3cret", "http://host/?",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_its_secrets(text: str) -> None:
    """With the name of the variable."""
    with pytest.raises(ConfigError, match=r"^URL: expected the address of a service") as caught:
        address.parse(text, "URL")

    assert "s3c" not in str(caught.value)


def test_the_first_variable_that_is_set_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty one is not set; without any, a port of this machine."""
    monkeypatch.setenv("URL", "")
    monkeypatch.setenv("PORT", "3001")
    assert str(address.asked("URL", "SERVICE_URL")) == "http://127.0.0.1:3001"

    monkeypatch.setenv("SERVICE_URL", "host")
    assert str(address.asked("URL", "SERVICE_URL")) == "http://host"


@pytest.mark.parametrize("port", ["abc", "0", "-1", "99999", "٣", "3000x", "9" * 5000])
def test_a_port_that_is_none_is_refused(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not taken for port 80, and not left to the resolver."""
    monkeypatch.setenv("PORT", port)

    with pytest.raises(ConfigError, match="PORT: expected a port number"):
        address.asked("SERVICE_URL")


@pytest.mark.parametrize(
    ("host", "excepted", "through"),
    [
        ("host", "", True),
        ("host", "other,host", False),
        ("a.host", ".host", False),
        ("host", "*", False),
        ("10.1.2.3", "10.0.0.0/8", False),
        ("11.1.2.3", "10.0.0.0/8 192.168.0.0/16", True),
        ("127.0.0.1", "", False),
        ("127.9.9.9", "", False),
        ("127.1", "", False),
        ("localhost", "", False),
        ("svc.localhost", "", False),
        ("[::1]", "", False),
        ("[::ffff:127.0.0.1]", "", False),
        ("0.0.0.0", "", False),
    ],
)
def test_loopback_and_what_no_proxy_names_are_asked_directly(
    host: str, excepted: str, through: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name, by suffix, by range; all else goes through the proxy."""
    monkeypatch.setenv("http_proxy", "http://bob:s3cret@proxy:3128")  # pragma: allowlist secret
    monkeypatch.setenv("no_proxy", excepted)
    found = proxy.between(address.parse(f"http://{host}:3000", "URL"))

    assert (str(found) if found else None) == (
        "http://proxy:3128 (http_proxy)" if through else None
    )


def test_a_proxy_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than left out without a word."""
    monkeypatch.setenv("http_proxy", "socks5://bob:s3cret@proxy")  # pragma: allowlist secret

    with pytest.raises(ConfigError, match=r"http_proxy: .*'socks5'.*no_proxy=host") as caught:
        proxy.between(Address("http", "host", None))
    assert "s3cret" not in str(caught.value)


NOT_OURS = "not as this service does"
CASES = {
    "a proxy's 502": (answering.BAD_GATEWAY, rf"answered 502 \(HTML\), {NOT_OURS}"),
    "a 404 in upper case": (http(404, "<HTML>", ""), r"answered 404 \(HTML\)"),
    "a page to log in": (http(200, "<!DOCTYPE html>", "text/html"), r"answered 200 \(HTML\)"),
    "an empty 200": (http(200), r"answered 200 \(empty\)"),
    "an empty 502": (http(502, b"", "text/plain"), r"answered 502 \(empty\)"),
    "a text": (http(503, "upstream", "text/plain"), r"answered 503 \(text/plain\)"),
    "no JSON": (http(200, "hello"), r"answered 200 \(invalid JSON\)"),
    "not UTF-8": (http(200, b'{"label":"\xe9"}'), r"answered 200 \(invalid JSON\)"),
    "JSON without end": (http(200, "[" * 200_000), r"answered 200 \(invalid JSON\)"),
    "null": (http(200, "null"), r"answered 200 \(JSON\)"),
    "another service": (http(200, '{"label": "x", "score": 1}'), rf"200 \(JSON\), {NOT_OURS}"),
    "a share that is none": (
        answering.GOOD.replace(b"0.75", b" NaN"), rf"200 \(JSON\), {NOT_OURS}",
    ),
    "an error of another form": (http(500, '{"error": "boom"}'), r"answered 500 \(JSON\)"),
    "our error": (http(422, '{"error": {"code": "x", "message": "no, because"}}'),
                  r"refused: no, because$"),
    "our service under another path": (
        http(404, '{"error": {"code": "not_found", "message": "there is no such path"}}'),
        r"/predict answered 404 \(JSON\)",
    ),
    "a redirect": (
        http(
            301, "<html>", "text/html",
            "Location: https://bob:s3cret@there/x/predict?key=s3cret",  # pragma: allowlist secret
        ),
        r"answered 301, a redirect to https://there/x\. Set SERVICE_URL",
    ),
    "a redirect to a path": (http(302, "", "", "Location: /login"), r"a redirect to /login\. "),
    "a redirect to nowhere": (http(307), r"answered 307 \(empty\)"),
    "another protocol": (b"SSH-2.0-x\r\n", r"what it sent is not HTTP\). Is it https://"),
    "no byte": (b"", r"closed the connection without an answer"),
    "half an answer": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", r"in the middle of the answer",
    ),
    "a head without end": (
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", r"what it sent is not HTTP",
    ),
    "too much": (http(200, "x" * (exchange.MOST + 1)), r"more than 1,048,576 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=[name.replace(" ", "-") for name in CASES])
def test_what_is_no_answer_is_a_sentence(case: tuple[bytes, str]) -> None:
    """It says what was found, and never what came with it."""
    answer, words = case
    with answering.serve(answer) as server, pytest.raises(ServiceError) as caught:
        predict.ask(Address("http", "127.0.0.1", server.port), "a fine film")

    assert re.search(words, str(caught.value))
    assert "s3cret" not in str(caught.value)


def test_a_service_that_never_answers_is_left() -> None:
    """After its time, whether it sends nothing at all or is not done."""
    with answering.serve(None) as server, pytest.raises(ServiceError, match="nothing within"):
        exchange.fetch(Address("http", "127.0.0.1", server.port), "/info", seconds=0.1)


def test_nobody_there_is_a_sentence_with_the_next_step() -> None:
    """The command that starts a service there, with the port that was asked for."""
    port = free_port()
    with pytest.raises(ServiceError, match=rf"\(connection refused\)\. .*`make serve PORT={port}`"):
        exchange.fetch(Address("http", "127.0.0.1", port), "/info")


def test_no_such_host_is_a_sentence() -> None:
    """Without a look into the network: the name is reserved for that."""
    with pytest.raises(ServiceError, match=r"no host nowhere\.invalid"):
        exchange.fetch(Address("http", "nowhere.invalid", 80), "/info")


def test_a_proxy_is_named_where_it_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what goes around it, and without its password."""
    monkeypatch.setenv(
        "http_proxy",
        f"http://bob:s3cret@127.0.0.1:{free_port()}",  # pragma: allowlist secret
    )  # pragma: allowlist secret
    with pytest.raises(ServiceError, match=r"through the proxy .*no_proxy=host") as caught:
        exchange.fetch(Address("http", "host", 80), "/info")
    assert "s3cret" not in str(caught.value)

    with answering.serve(answering.BAD_GATEWAY) as server:
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{server.port}")
        with pytest.raises(ServiceError, match=r"502 \(HTML\).* the proxy .*no_proxy=host"):
            predict.ask(Address("http", "host", 80), "a fine film")


def test_a_request_goes_through_the_proxy_with_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That of the service goes along."""
    with answering.serve(answering.GOOD) as server:
        monkeypatch.setenv(
            "http_proxy",
            f"http://bob:s3cret@127.0.0.1:{server.port}",  # pragma: allowlist secret
        )  # pragma: allowlist secret
        url = "http://ann:other@host/team/"  # pragma: allowlist secret
        predict.ask(address.parse(url, "URL"), "a fine film")
    head = server.requests[0].lower()

    assert head.startswith("post http://host/team/predict http/1.1")
    assert "proxy-authorization: basic ym9ionmzy3jlda==" in head
    assert "\r\nauthorization: basic yw5uom90agvy" in head


@pytest.fixture(name="certificate")
def _certificate(tmp_path: Path) -> Path:
    """A certificate of localhost that nobody has signed, with its key."""
    path = tmp_path / "localhost.pem"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x"]
    subject = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(path), "-out"]
    subprocess.run(["openssl", *words, *subject, f"{path}.crt"], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


def test_a_certificate_is_verified(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody has signed is refused, what SSL_CERT_FILE names is taken."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with answering.serve(answering.GOOD, context) as server:
        there = Address("https", "localhost", server.port)
        with pytest.raises(ServiceError, match=r"cannot be verified.*SSL_CERT_FILE"):
            exchange.fetch(there, "/info")
        with pytest.raises(ServiceError):
            exchange.fetch(Address("http", "localhost", server.port), "/info")

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert exchange.fetch(there, "/info").status == 200


def test_a_service_without_tls_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the address that may be meant."""
    with (
        answering.serve(answering.GOOD) as server,
        pytest.raises(ServiceError, match=r"no TLS.*Is it http://localhost"),
    ):
        exchange.fetch(Address("https", "localhost", server.port), "/info")
