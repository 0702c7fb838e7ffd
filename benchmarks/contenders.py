"""Who is measured: how each server is started and asked."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from settings import ROOT

PEERS = ROOT / "benchmarks" / "peers"
OURS = "**this project**: built Bento, 2 threads"
EXAMPLES = (
    "BentoML, the docs' example: transformers pipeline, 1 worker",
    "the same, 2 workers of 1 thread",
)
ALONE = "the same, `serving.batching=false`"
FASTAPI = "FastAPI, the same ONNX model, 2 workers"
SINGLE = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
# Nobody reports to the makers of the tools, and nobody asks a hub.
OFFLINE = {
    "BENTOML_DO_NOT_TRACK": "True",
    "HF_HUB_OFFLINE": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "ORT_DISABLE_TELEMETRY": "1",
}


class Contender(NamedTuple):
    """A server: the command with `{port}` in it, what it is told, where and how it is asked."""

    name: str
    command: list[str]
    variables: Mapping[str, str]
    path: str
    body: Callable[[str], str]


def text(text: str) -> str:
    """Return the body that most take."""
    return json.dumps({"text": text}, ensure_ascii=False)


def ours(store: Path, binaries: Path) -> Contender:
    """Return our service: the Bento in a store of its own, in the environment of its lock."""
    command = [str(binaries / "bentoml"), "serve", "classifier:latest", "--host=127.0.0.1",
               "--port={port}"]  # fmt: skip
    return Contender(OURS, command, {**OFFLINE, "BENTOML_HOME": str(store)}, "/predict", text)


def peers(model: Path, onnx: Path, saved: Path, binaries: Path) -> list[Contender]:
    """Return the peers of a trained model, its ONNX export and its copy in MLflow's format."""
    own = Path(sys.executable).parent
    bentoml = [str(own / "bentoml"), "serve", f"--working-dir={PEERS}", "--host=127.0.0.1",
               "--port={port}", "bentoml_pipeline:Classification"]  # fmt: skip
    told = {**OFFLINE, "MODEL": str(model)}
    serving = {**OFFLINE, **SINGLE, "SERVING": str(onnx), "PYTHONPATH": str(PEERS)}
    return [
        Contender(EXAMPLES[0], bentoml, told, "/classify", text),
        Contender(
            EXAMPLES[1],
            bentoml, {**told, **SINGLE, "WORKERS": "2"}, "/classify", text,
        ),
        Contender(
            "`mlflow models serve`, transformers flavor, 2 workers of 1 thread",
            [str(own / "mlflow"), "models", "serve", "--model-uri", str(saved), "--env-manager",
             "local", "--workers", "2", "--host", "127.0.0.1", "--port", "{port}"],
            {**OFFLINE, **SINGLE}, "/invocations",
            lambda text: json.dumps({"inputs": [text]}, ensure_ascii=False),
        ),
        Contender(
            "LitServe, the same ONNX model, batches of 8, 2 workers",
            [str(binaries / "python"), str(PEERS / "litserve_onnx.py"), "{port}"],
            serving, "/predict", text,
        ),
        Contender(
            FASTAPI,
            [str(binaries / "uvicorn"), "--workers", "2", "--host", "127.0.0.1", "--port",
             "{port}", "--no-access-log", "fastapi_onnx:app"],
            serving, "/predict", text,
        ),
    ]  # fmt: skip
