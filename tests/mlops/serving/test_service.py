"""The BentoML service: its method, its health, its supervisor."""

import asyncio
import importlib
import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import uvicorn
from bentoml._internal.configuration.containers import BentoMLContainer
from prometheus_client import CollectorRegistry

import toy
from common import ROOT
from ml.api.schemas import FORMS
from mlops.serving import bento
from mlops.serving.asgi import Scope, Send
from mlops.serving.errors import RequestError
from mlops.serving.predictor import Predictor
from mlops.serving.protocol import Protocol
from mlops.serving.request import Receive
from mlops.serving.settings import Model

pytestmark = pytest.mark.anyio
HEAVY = (
    "torch",
    "transformers",
    "pandas",
    "polars",
    "mlflow",
    "sklearn",
    "mlops.config.schema",
    "onnx",
)


def new_predictor(model: Model, name: str) -> Predictor:
    """Return a predictor that counts by itself: a process may register the metrics once."""
    return Predictor(model, name, CollectorRegistry())


@pytest.fixture(name="service", scope="module")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The module of the service, with a small model."""
    folder = toy.serving(toy.export(tmp_path_factory.mktemp("service") / "bento"), workers=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERVING_FOLDER", str(folder))
        patch.setenv("BENTOML_CONTAINERIZED", "true")
        patch.setattr("mlops.serving.bento.Predictor", new_predictor)
        yield importlib.import_module("ml.service")
        sys.modules.pop("ml.service")


@pytest.fixture(name="instance", scope="module")
def _instance(service: ModuleType) -> Iterator[Any]:
    instance = service.Classifier()
    yield instance
    asyncio.run(instance.close())


async def test_the_method_answers_as_the_route_does(instance: Any) -> None:
    """Where the service is called in the same process."""
    one = await instance.predict(text="the film was good")
    many = await instance.predict(texts=["bad", ""])

    assert one["label"] == "positive"
    assert [result.get("label") for result in many["results"]] == ["negative", None]


async def test_the_method_takes_every_field_of_every_form(service: ModuleType) -> None:
    """BentoML's client takes from it what it may send."""
    fields = {name for form in FORMS.values() for name in form.fields}

    assert (
        set(inspect.signature(service.Classifier.inner.predict.func).parameters) - {"self"}
        == fields
    )


async def test_the_method_raises_what_is_wrong(instance: Any) -> None:
    """The status and the code that the route gives."""
    with pytest.raises(RequestError) as found:
        await instance.predict(text="")

    assert (found.value.status, found.value.error["code"]) == (422, "empty_text")


async def test_health_runs_a_prediction(instance: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose model cannot predict is neither ready nor alive."""
    assert instance.__is_ready__()
    assert instance.__is_alive__()
    monkeypatch.setattr(instance.predictor.engine, "_session", None)
    assert not instance.__is_ready__()
    assert not instance.__is_alive__()


async def test_workers_are_processes(service: ModuleType) -> None:
    """As many as `serving.workers`: threads of one would wait for Python's lock."""
    assert service.Classifier.config["workers"] == 3


async def test_bentoml_waits_longer_than_we_do(service: ModuleType) -> None:
    """Its timeout only catches what ours might miss."""
    assert service.Classifier.config["traffic"]["timeout"] > toy.settings()["timeout"]


async def test_a_supervisor_drops_what_would_count_twice(
    service: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """BentoML's metrics have the names of ours: its workers would end, and be started for ever."""
    asked = "services.classifier.workers=4 services.classifier.metrics.enabled=true"
    monkeypatch.setenv(bento.OPTIONS, asked)
    service.Classifier.inject_config()
    assert BentoMLContainer.api_server_config.metrics.enabled.get()
    with caplog.at_level("WARNING"):
        service.Classifier.inner.override()
    service.Classifier.inject_config()

    assert not BentoMLContainer.api_server_config.metrics.enabled.get()
    assert BentoMLContainer.config.services["classifier"]["workers"].get() == 4
    assert "metrics.enabled is ignored" in caplog.text


async def test_other_origins_are_let_in_as_bentoml_is_told(
    service: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BentoML's own middleware lies behind our HTTP, which answers before it."""

    async def ours(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ours"})

    assert bento.allow_origins(ours) is ours
    key = "services.classifier.http.cors"
    monkeypatch.setenv(
        bento.OPTIONS,
        f'{key}.enabled=true {key}.access_control_allow_origins=["https://app.example"]',
    )
    service.Classifier.inject_config()
    transport = httpx.ASGITransport(bento.allow_origins(ours))
    headers = {"Origin": "https://app.example"}
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        answer = await client.post("/predict", headers=headers)

    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert answer.text == "ours"


async def test_a_worker_speaks_our_http(service: ModuleType) -> None:
    """The seam: BentoML lets uvicorn choose, and uvicorn finds ours."""
    config = uvicorn.Config(service.Classifier.to_asgi(), log_config=None)
    config.load()

    assert issubclass(config.http_protocol_class, Protocol)
    assert config.http_protocol_class.keep_alive == toy.settings()["keep_alive"]


async def test_what_the_method_returns_is_what_http_answers(
    service: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of `predict` in the project's service is seen by every client."""
    method = service.Classifier.inner.predict
    original = method.func

    async def changed(self: Any, **fields: Any) -> dict[str, Any]:
        return {**await original(self, **fields), "team": "films"}

    monkeypatch.setattr(method, "func", changed)
    app = service.Classifier.to_asgi()
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            over_http = (await client.post("/predict", json={"text": "the film was good"})).json()
        in_process = await service.bento.find_endpoint().predict(text="the film was good")

    assert over_http == in_process
    assert (over_http["label"], over_http["team"]) == ("positive", "films")


async def test_a_dead_worker_is_started_again_in_a_container_too(service: ModuleType) -> None:
    """BentoML does so only outside; the service undoes what tells it where it is."""
    from bentoml.serving import create_watcher  # noqa: PLC0415  it looks once, when first used

    assert bento.NAME
    assert create_watcher("service", ["-c", ""]).respawn


def test_serving_imports_nothing_that_trains(tmp_path: Path) -> None:
    """The Bento carries no torch; the service and all that it imports do without."""
    folder = toy.serving(toy.export(tmp_path / "bento"))
    code = f"import sys, ml.service; print(*(set(sys.modules) & set({HEAVY!r})))"
    variables = {"SERVING_FOLDER": str(folder), "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == []


def test_serving_reports_to_nobody(tmp_path: Path) -> None:
    """ONNX Runtime would leave an identifier of the machine in the home folder, and send it."""
    folder = toy.serving(toy.export(tmp_path / "bento"))
    code = "from ml.service import *; assert bento.Predictor(MODEL, 'x').works()"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "XDG_"))}
    home = tmp_path / "home"
    home.mkdir()
    subprocess.run(
        [sys.executable, "-c", code],
        env={
            **kept,
            "HOME": str(home),
            "SERVING_FOLDER": str(folder),
            "PYTHONPATH": str(ROOT / "src"),
            "BENTOML_HOME": str(tmp_path / "bentoml"),
        },
        check=True,
    )

    assert list(home.rglob("*")) == []
