"""The HTTP side, without a server: routes, statuses, counts."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

import toy
from mlops.serving import settings
from mlops.serving.asgi import BENTOML, METHODS, Endpoint, Http, Scope, Send
from mlops.serving.predictor import Predictor
from mlops.serving.queue import BusyError
from mlops.serving.request import Receive

pytestmark = pytest.mark.anyio


async def bentoml(scope: Scope, _receive: Receive, send: Send) -> None:
    """Stand in for BentoML's own routes: say which path was asked for."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})


@pytest.fixture(name="predictor")
def _predictor(tmp_path: Path) -> Predictor:
    folder = toy.serving(toy.export(tmp_path / "bento"), max_items=3)
    return Predictor(settings.load(folder), "classifier", CollectorRegistry())


@pytest.fixture(name="client")
def _client(predictor: Predictor) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Http(bentoml, lambda: Endpoint(predictor.predict, predictor)))
    return httpx.AsyncClient(transport=transport, base_url="http://service")


async def test_one_text_gets_one_answer(client: httpx.AsyncClient) -> None:
    """Label, a probability for each class, whether it was cut, and which model said so."""
    answer = await client.post("/predict", json={"text": "the film was good"})

    assert answer.status_code == 200
    assert answer.json() == {
        "label": "positive",
        "probabilities": {"negative": 0.208609, "positive": 0.791391},
        "tokens": 6,
        "truncated": False,
        "unknown": 0.0,
        "model": {"name": "toy", "version": "v1"},
    }


async def test_a_list_gets_a_list(client: httpx.AsyncClient) -> None:
    """In its order; an item that cannot be predicted gets an error and harms no other."""
    answer = await client.post("/predict", json={"texts": ["bad", "", "good"]})
    results = answer.json()["results"]

    assert answer.status_code == 200
    assert [result.get("label") for result in results] == ["negative", None, "positive"]
    assert results[1]["error"]["code"] == "empty_text"


async def test_one_text_and_a_list_of_it_agree(client: httpx.AsyncClient) -> None:
    """The shape differs, the prediction does not."""
    one = (await client.post("/predict", json={"text": "good film"})).json()
    many = (await client.post("/predict", json={"texts": ["good film"]})).json()

    assert {**many["results"][0], "model": many["model"]} == one


async def test_truncation_is_told(client: httpx.AsyncClient) -> None:
    """Never silently."""
    answer = (await client.post("/predict", json={"text": "film " * 50})).json()

    assert (answer["truncated"], answer["tokens"]) == (True, 16)


async def test_unknown_words_are_told(client: httpx.AsyncClient) -> None:
    """With their share, and in a sentence where it is unusual; of known words nothing is said."""
    known = (await client.post("/predict", json={"text": "good film"})).json()
    new = (await client.post("/predict", json={"text": "an excellent film"})).json()

    assert (known["unknown"], "warning" in known) == (0.0, False)
    assert new["unknown"] == 0.6667
    assert new["warning"] == "2 of 3 words are unknown to the model: an, excellent"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "bad_json"),
        (b"{}", 400, "bad_shape"),
        (b'{"text": ""}', 422, "empty_text"),
        (b'{"text": "\\ud800"}', 422, "lone_surrogate"),
        (b'{"texts": ["a", "a", "a", "a"]}', 422, "too_many_texts"),
        (b'{"text": "' + b"x" * 1_000_000 + b'"}', 413, "body_too_large"),
    ],
)
async def test_errors_have_one_shape(
    client: httpx.AsyncClient, content: bytes, status: int, code: str
) -> None:
    """JSON with a code, a sentence, and, for a limit, its value and what was found."""
    headers = {"content-type": "application/json"}
    answer = await client.post("/predict", content=content, headers=headers)
    error = answer.json()["error"]

    assert (answer.status_code, error["code"]) == (status, code)
    assert error["message"]
    assert answer.headers["content-type"] == "application/json"
    if code.endswith(("large", "texts")):
        assert error["found"] > error["limit"]


async def test_a_full_line_is_told_with_when_to_come_back(
    client: httpx.AsyncClient, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, at once, with Retry-After."""

    async def full(*_calls: object) -> None:
        raise BusyError(7)

    monkeypatch.setattr(predictor.queue, "run", full)
    answer = await client.post("/predict", json={"text": "good"})

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "7"
    assert answer.json()["error"]["code"] == "busy"


@pytest.mark.parametrize("step", ["mlops.serving.request.decode", "ml.api.normalise.normalise"])
async def test_a_hostile_request_keeps_no_other_from_its_answer(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """While a large body is decoded, or a text normalised, the event loop goes on."""
    begun, let_go = threading.Event(), threading.Event()

    def slow(_value: object) -> object:
        begun.set()
        let_go.wait()
        return "bad"

    monkeypatch.setattr(step, slow)
    hostile = asyncio.create_task(client.post("/predict", json={"text": "x" * 10_000}))
    await asyncio.to_thread(begun.wait)
    statuses = [(await client.get(path)).status_code for path in ("/livez", "/info", "/")]
    waiting = not hostile.done()
    let_go.set()
    await hostile

    assert statuses == [200, 200, 200]
    assert waiting


async def test_a_failure_is_told_without_its_inside(
    client: httpx.AsyncClient, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has the traceback, the client a sentence; the next request is served."""
    with monkeypatch.context() as patch:
        patch.setattr(predictor.engine, "predict", lambda _texts: 1 / 0)
        answer = await client.post("/predict", json={"text": "good"})
    after = await client.post("/predict", json={"text": "good"})

    assert answer.status_code == 500
    assert "zero" not in answer.text
    assert after.status_code == 200


async def test_a_client_that_left_is_counted_and_not_answered(predictor: Predictor) -> None:
    """Nothing is sent to nobody."""
    sent: list[Any] = []

    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "path": "/predict", "method": "POST", "headers": headers}
    await Http(bentoml, lambda: Endpoint(predictor.predict, predictor))(scope, gone, send)

    assert sent == []
    assert b'http_response_code="499"' in predictor.metrics.export()


@pytest.mark.parametrize("path", ["/schema.json", "/livez", "/readyz", "/healthz"])
async def test_bentoml_keeps_its_own_routes(client: httpx.AsyncClient, path: str) -> None:
    """Those that its client and the health checks need."""
    assert (await client.get(path)).text == path


@pytest.mark.parametrize("path", ["/", "/info", "/docs.json", "/metrics", "/schema.json", "/livez"])
async def test_a_wrong_method_is_told_the_right_one(client: httpx.AsyncClient, path: str) -> None:
    """405 with Allow."""
    answer = await client.delete(path)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert (await client.get("/predict")).headers["allow"] == "POST"


async def test_an_unknown_path_is_json_too(client: httpx.AsyncClient) -> None:
    """And all unknown paths are counted as one: anyone can invent them."""
    for path in ("/a", "/b", "/static_content/x"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")

    lines = (await client.get("/metrics")).text.splitlines()
    counted = [line for line in lines if 'http_response_code="404"' in line]
    assert [line.split()[-1] for line in counted if "_created" not in line] == ["3.0"]
    assert 'endpoint="other"' in counted[0]


async def test_metrics_count_requests_and_texts(client: httpx.AsyncClient) -> None:
    """By endpoint and status; texts by outcome."""
    await client.post("/predict", json={"texts": ["good", "", "film " * 50]})
    lines = (await client.get("/metrics")).text.splitlines()
    values = {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in lines}
    labels = 'endpoint="/predict",http_response_code="200",service_name="classifier"'

    assert values[f'bentoml_service_request_total{{{labels},service_version="v1"}}'] == "1.0"
    outcomes = [
        values[f'bentoml_service_text_total{{outcome="{name}",service_version="v1"}}']
        for name in ("predicted", "truncated", "refused")
    ]
    assert outcomes == ["2.0", "1.0", "1.0"]


async def metric(client: httpx.AsyncClient, name: str, *labels: str) -> float:
    """Return the sum of the samples of a name that have these labels."""
    lines = (await client.get("/metrics")).text.splitlines()
    found = [one for one in lines if one.split("{")[0].split()[0] == f"bentoml_service_{name}"]
    return sum(float(one.split()[-1]) for one in found if all(label in one for label in labels))


async def test_metrics_know_what_was_predicted(client: httpx.AsyncClient) -> None:
    """Labels, confidence, tokens, and words that the model knows or not."""
    await client.post("/predict", json={"texts": ["the film was good", "bad qwertz"]})

    assert await metric(client, "prediction_total", 'label="positive"') == 1
    assert await metric(client, "prediction_total", 'label="negative"') == 1
    assert await metric(client, "prediction_confidence_count") == 2
    assert await metric(client, "text_tokens_sum") == 6 + 4
    assert await metric(client, "words_total", 'kind="known"') == 5
    assert await metric(client, "words_total", 'kind="unknown"') == 1
    assert await metric(client, "queue_wait_seconds_count") == 1
    assert await metric(client, "predict_busy_seconds_total") > 0
    assert await metric(client, "queue_waiting") == 0


async def test_metrics_say_why_something_was_refused(client: httpx.AsyncClient) -> None:
    """Once for each request, and for each text of a list."""
    await client.post("/predict", json={"text": ""})
    await client.post("/predict", json={"texts": ["", 5, ""]})
    await client.post("/predict", json={"texts": []}, headers={"content-encoding": "gzip"})
    await client.post("/predict", content=b"{", headers={"content-type": "application/json"})
    await client.get("/nowhere")

    assert await metric(client, "refused_total", 'reason="empty_text"') == 3
    assert await metric(client, "refused_total", 'reason="not_text"') == 1
    assert await metric(client, "refused_total", 'reason="encoded_body"') == 1
    assert await metric(client, "refused_total", 'reason="bad_json"') == 1
    assert await metric(client, "refused_total", 'reason="not_found"') == 1
    assert await metric(client, "refused_total") == 7
    assert await metric(client, "text_total", 'outcome="refused"') == 4


async def test_no_event_makes_a_series(client: httpx.AsyncClient) -> None:
    """All of them are there, at 0, before the first request."""

    async def names() -> set[str]:
        lines = (await client.get("/metrics")).text.splitlines()
        return {line.rpartition(" ")[0] for line in lines if not line.startswith("#")}

    before = await names()
    for path in (*METHODS, *BENTOML, "/nowhere"):
        for method in ("GET", "DELETE", "POST"):
            await client.request(method, path, json={"texts": ["good", "", 5]})
    await client.post("/predict", json={"texts": ["good"] * 9})
    for content in (b"{", b"x" * 2_000_000):
        await client.post("/predict", content=content, headers={"content-type": "application/json"})

    assert await names() == before


async def test_the_registered_version_is_counted_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It differs between two models whose `model.version` is the same."""
    monkeypatch.setenv("MODEL_VERSION", "12")
    monkeypatch.setenv("MODEL_CREATED", "1764374400")
    folder = toy.serving(toy.export(tmp_path / "model"))
    found = Predictor(settings.load(folder), "classifier", CollectorRegistry())
    lines = found.metrics.export().decode().splitlines()

    assert all('service_version="12"' in line for line in lines if "service_version" in line)
    info = f'{{commit="c0ffee",model_sha256="{"0" * 64}",registered="12"}} 1.0'
    assert f"bentoml_service_model_info{info}" in lines
    assert "bentoml_service_model_created_time_seconds 1.7643744e+09" in lines


async def test_info_leads_back_to_model_and_limits(client: httpx.AsyncClient) -> None:
    """What the packager knew, and what this worker runs."""
    info = (await client.get("/info")).json()

    assert (info["name"], info["version"], info["commit"]) == ("toy", "v1", "c0ffee")
    assert (info["labels"], info["device"], info["precision"]) == (toy.LABELS, "cpu", "fp32")
    assert info["limits"]["max_items"] == 3


async def test_the_page_brings_all_that_it_needs(client: httpx.AsyncClient) -> None:
    """Nothing is loaded from elsewhere, and the browser is told to allow nothing else."""
    answer = await client.get("/")

    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "http" not in answer.text.replace("http-equiv", "")


async def test_other_protocols_go_on_to_bentoml(predictor: Predictor) -> None:
    """Its lifespan starts and ends the service."""
    seen: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    http = Http(app, lambda: Endpoint(predictor.predict, predictor))
    await http({"type": "lifespan"}, None, None)  # type: ignore[arg-type]

    assert seen == ["lifespan"]


async def test_the_example_of_the_description_is_answered(client: httpx.AsyncClient) -> None:
    """Each example of the OpenAPI works as it stands."""
    described = (await client.get("/docs.json")).json()
    body = described["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    for example in body["examples"].values():
        answer = await client.post(
            "/predict",
            content=json.dumps(example["value"]),
            headers={"content-type": "application/json"},
        )
        assert answer.status_code == 200
