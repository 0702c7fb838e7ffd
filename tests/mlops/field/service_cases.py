"""Clients as they come: what each sends, in bytes, and what must be answered."""

import gzip
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

TEXT = b'{"text":"a fine film"}'
H2C = {
    "Connection": "Upgrade, HTTP2-Settings",
    "Upgrade": "h2c",
    "HTTP2-Settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
}
WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def ask(
    body: bytes | str = TEXT,
    target: str = "POST /predict",
    kind: str | None = "application/json",
    version: str = "HTTP/1.1",
    **headers: str,
) -> bytes:
    """Return a request; `_` in the names of headers stands for `-`."""
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"{target} {version}", "Host: service"]
    lines += [f"Content-Type: {kind}"] if kind is not None else []
    if "Transfer_Encoding" not in headers and "Content_Length" not in headers:
        lines += [f"Content-Length: {len(raw)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + raw


def look(path: str, **headers: str) -> bytes:
    """Return a request without a body."""
    return ask(b"", f"GET {path}", kind=None, **headers)


def chunks(*parts: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """Return a body in chunks."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + end


@dataclass(frozen=True)
class Case:
    """What a client sends, and the statuses of all answers, with the code of the last error."""

    name: str
    sent: bytes | Sequence[bytes]  # each part in a segment of its own
    statuses: tuple[int, ...] = (200,)
    code: str | None = None
    headers: tuple[str, ...] = ()  # of the last answer
    half_close: bool = False


UTF16, LATIN1 = TEXT.decode().encode("utf-16"), '{"text":"é"}'.encode("latin-1")
PLAIN = ("accept-encoding: identity",)
HEAD, CHUNKED_HEAD = ask(**H2C), ask(chunks(TEXT), Transfer_Encoding="chunked", **H2C)
CASES = (
    Case("one text", ask()),
    Case("a list", ask('{"texts":["a",""]}')),
    Case("Java offers h2c in one segment", HEAD),
    Case("Java offers h2c in two segments", [HEAD[: -len(TEXT)], TEXT]),
    Case("Java offers h2c in chunks", [CHUNKED_HEAD[:300], CHUNKED_HEAD[300:]]),
    Case("Java asks on the same connection again", [HEAD + HEAD, HEAD], (200, 200, 200)),
    Case("h2c offered on a GET", look("/readyz", **H2C)),
    Case("WebSocket offered on a POST", ask(**WEBSOCKET)),
    Case("WebSocket offered on the page", look("/", **WEBSOCKET)),
    Case("HTTP/2 without asking", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400,), "bad_http"),
    Case("TLS to the plain port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", (400,), "bad_http"),
    Case("PROXY protocol", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + ask(), (400,), "bad_http"),
    Case("an upper-case charset in quotes", ask(kind='Application/JSON ; charset="UTF-8"')),
    Case("JSON in UTF-16", ask(UTF16, kind="application/json; charset=utf-16"), (415,), "not_utf8"),
    Case(
        "JSON in Latin-1",
        ask(LATIN1, kind="application/json; charset=iso-8859-1"),
        (415,),
        "not_utf8",
    ),
    Case("UTF-16 that says nothing", ask(UTF16), (400,), "not_utf8"),
    Case("a byte order mark", ask(b"\xef\xbb\xbf" + TEXT)),
    Case("gzip", ask(gzip.compress(TEXT), Content_Encoding="gzip"), (415,), "encoded_body", PLAIN),
    Case(
        "deflate",
        ask(zlib.compress(TEXT), Content_Encoding="deflate"),
        (415,),
        "encoded_body",
        PLAIN,
    ),
    Case("br", ask(b"\x8b\x0a\x80", Content_Encoding="br"), (415,), "encoded_body", PLAIN),
    Case("identity", ask(Content_Encoding="identity")),
    Case("a form", ask(b"text=a", kind="application/x-www-form-urlencoded"), (415,), "not_json"),
    Case("no type", ask(kind=None), (415,), "not_json"),
    Case("JSON of another kind", ask(kind="application/vnd.api+json"), (415,), "not_json"),
    Case(
        "a pickle for BentoML",
        ask(b"\x80\x04N.", kind="application/vnd.bentoml+pickle"),
        (415,),
        "not_json",
    ),
    Case(
        "chunks with extensions and a trailer",
        ask(b"16;a=b\r\n" + TEXT + b"\r\n0\r\nX: y\r\n\r\n", Transfer_Encoding="chunked"),
    ),
    Case(
        "chunks of one byte", ask(chunks(*(bytes([b]) for b in TEXT)), Transfer_Encoding="chunked")
    ),
    Case(
        "a length and chunks",
        ask(chunks(TEXT), Transfer_Encoding="chunked", **{"content-length": "22"}),
        (400,),
        "bad_http",
    ),
    Case("two lengths", ask(Content_Length="22", **{"content-length": "22"}), (400,), "bad_http"),
    Case("a negative length", ask(Content_Length="-1"), (400,), "bad_http"),
    Case(
        "waiting for 100 Continue",
        [ask(b"", Content_Length="22", Expect="100-continue"), TEXT],
        (100, 200),
    ),
    Case(
        "100 Continue for too much",
        ask(b"", Content_Length="9000000", Expect="100-continue"),
        (413,),
        "body_too_large",
    ),
    Case("two megabytes", ask(b'{"text":"' + b"a" * 2_000_000 + b'"}'), (413,), "body_too_large"),
    Case("HTTP/1.0", ask(version="HTTP/1.0")),
    Case("ab's keep-alive of HTTP/1.0", ask(version="HTTP/1.0", Connection="Keep-Alive")),
    Case("pipelined", ask() * 20, (200,) * 20),
    Case("pipelined, then garbage", ask() + b"garbage\r\n\r\n"),
    Case("byte by byte", [bytes([byte]) for byte in ask()]),
    Case("a whole address", ask(target="POST http://service.example/predict")),
    Case("a query", ask(target="POST /predict?trace=1")),
    Case("a prefix left on", ask(target="POST /sentiment/predict"), (404,), "not_found"),
    Case("a slash behind", ask(target="POST /predict/"), (404,), "not_found"),
    Case("a path that leads out", look("/../../etc/hostname"), (404,), "not_found"),
    Case("GET where POST is meant", look("/predict"), (405,), "wrong_method", ("allow: POST",)),
    Case(
        "a preflight that nobody allowed",
        ask(b"", "OPTIONS /predict", kind=None, Origin="https://app.example"),
        (405,),
        "wrong_method",
    ),
    Case("CONNECT", ask(b"", "CONNECT other:80", kind=None), (400,), "bad_http"),
    Case("nc -N", ask(), half_close=True),
    Case("nc -N for each probe", look("/livez"), half_close=True),
    Case("nc -N in three requests", ask() * 3, (200,) * 3, half_close=True),
    Case("cut off in the body", ask()[:-5], (), half_close=True),
    Case("cut off in the head", b"GET /livez HT", (), half_close=True),
    Case("nothing at all", b"", (), half_close=True),
    Case(
        "a head of a megabyte", b"GET / HTTP/1.1\r\nX: " + b"a" * 66_000, (431,), "head_too_large"
    ),
    Case("no body", ask(b""), (400,), "bad_json"),
    Case("two documents", ask(TEXT + b"\n" + TEXT), (400,), "bad_json"),
    Case("Python's quotes", ask("{'text': 'a'}"), (400,), "bad_json"),
    Case("a key twice", ask('{"text":"good","text":"bad"}'), (400,), "bad_json"),
    Case("NaN", ask('{"text":NaN}'), (400,), "bad_shape"),
    Case("a number of 100,000 digits", ask('{"text":' + "9" * 100_000 + "}"), (400,), "bad_json"),
    Case("deep lists", ask("[" * 100_000), (400,), "bad_json"),
    Case(
        "300,000 items",
        ask('{"texts":[' + ",".join(["[]"] * 300_000) + "]}"),
        (422,),
        "too_many_texts",
    ),
    Case(
        "50,000 keys",
        ask("{" + ",".join(f'"{n}":1' for n in range(50_000)) + "}"),
        (400,),
        "bad_shape",
    ),
    Case("both forms", ask('{"text":"a","texts":["a"]}'), (400,), "bad_shape"),
    Case("half of a surrogate pair", ask('{"text":"\\ud800"}'), (422,), "lone_surrogate"),
    Case("a zero byte", ask('{"text":"a\\u0000b"}')),
    Case("only a mark of direction", ask('{"text":"\\ufeff"}'), (422,), "empty_text"),
    Case("tokens of the model", ask('{"text":"[MASK] <s> [PAD] <|endoftext|>"}')),
    Case("20,000 of one letter", ask(json.dumps({"text": "a" * 20_000}))),
    Case("20,001 letters", ask(json.dumps({"text": "a" * 20_001})), (422,), "text_too_long"),
    Case(
        "alternating marks",
        ask(json.dumps({"texts": ["a" + "\u0301\u0316" * 9999] * 24}, ensure_ascii=False)),
    ),
    Case(
        "marks in disguise",
        ask(json.dumps({"texts": ["a" + "\u0f73" * 19_999] * 16}, ensure_ascii=False)),
    ),
)
