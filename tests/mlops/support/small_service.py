"""The HTTP side of the service with a toy model, in a process of its own: for a real Prometheus.

Run: `python small_service.py FOLDER` serves the model in a folder; the port is what it prints
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

import served
import toy
from common import ROOT
from mlops.serving import settings
from mlops.serving.asgi import Endpoint, Http, Scope, Send
from mlops.serving.predictor import Predictor
from mlops.serving.request import Receive
from mlops.serving.request_log.switch import open_log


async def bentoml(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Stand in for BentoML's own routes."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def main() -> None:
    """Serve until the process is ended."""
    model = settings.load(Path(sys.argv[1]))
    predictor = Predictor(model, "classifier")
    open_log(model, predictor.metrics.registry)  # its metrics are there, whether it is on or not
    app = Http(bentoml, lambda: Endpoint(predictor.predict, predictor))
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None)
    listening = config.bind_socket()
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(config).run([listening])


@contextmanager
def small_service(folder: Path, version: str, **changes: object) -> Iterator[served.Client]:
    """Serve a registered version until the block ends; `changes` are of the section `serving`."""
    model = toy.serving(toy.export(folder / "bento"), **changes)
    counts = folder / "counts"
    counts.mkdir()
    mine = {
        "MODEL_VERSION": version,
        "MODEL_CREATED": str(int(time.time())),
        "PROMETHEUS_MULTIPROC_DIR": str(counts),
    }
    paths = [ROOT / "src", ROOT / "tests", Path(__file__).parent]
    with subprocess.Popen(
        [sys.executable, __file__, str(model)],
        env={**os.environ, **mine, "PYTHONPATH": ":".join(map(str, paths))},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            yield served.Client(int(process.stdout.readline()))
        finally:
            process.kill()


if __name__ == "__main__":
    main()
