"""What every service needs of BentoML: its settings, health, start and end, and our HTTP."""

import asyncio
import gc
import logging
import os
from pathlib import Path
from typing import Any, ClassVar

import bentoml
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml.images import Image
from starlette.middleware.cors import CORSMiddleware

from mlops.serving import parent, protocol
from mlops.serving.asgi import App, Endpoint, Http
from mlops.serving.balance import Balance
from mlops.serving.predictor import Predictor
from mlops.serving.protocol import Protocol
from mlops.serving.request_log.switch import open_log
from mlops.serving.settings import Model, Settings

NAME = "classifier"
OPTIONS = "BENTOML_CONFIG_OPTIONS"
COUNTS = "PROMETHEUS_MULTIPROC_DIR"  # a folder for what the workers count
SUPERVISOR = os.getppid()  # of the process that serves
# BentoML would install compilers and Git, half a gigabyte, on a distribution that it knows; the
# lock needs none, since all of it is wheels.
IMAGE = Image(base_image="named-in-bentofile.yaml", distro="as it is")

logger = logging.getLogger("bentoml.serve")


def configure(settings: Settings) -> dict[str, Any]:
    """Prepare this process, and return what `bentoml.service` takes."""
    # In a container BentoML leaves a dead process dead; ours is started again there too.
    os.environ.pop("BENTOML_CONTAINERIZED", None)
    # A text is too short to be shared among cores.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    protocol.install(settings)
    return {
        "name": NAME,
        # Processes, of one predicting thread each: threads of one would wait for Python's lock.
        "workers": settings.workers,
        # We have limits of our own; this one only catches what they might miss. It keeps a timer
        # for each request, so it must not be long.
        "traffic": {"timeout": 3 * settings.timeout},
        "metrics": {"enabled": False},  # we count, see mlops.serving.metrics
        "logging": {"access": {"enabled": False}},
        "tracing": {"excluded_urls": ".*"},
    }


class Service:
    """A service that predicts: its class names the model, its method `predict` answers."""

    model: ClassVar[Model]

    def __init__(self) -> None:
        self.predictor = Predictor(self.model, NAME)
        Protocol.count = self.predictor.metrics.requests.reject
        self.balance = Balance()
        self.request_log = open_log(self.model, self.predictor.metrics.registry)
        self.predictor.works()  # the first request shall be as fast as the others

    def __is_ready__(self) -> bool:
        """Report to BentoML's /readyz whether a prediction works."""
        return self.predictor.works()

    def __is_alive__(self) -> bool:
        """Report to BentoML's /livez and /healthz whether a prediction works."""
        return self.predictor.works()

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    @staticmethod
    def override() -> None:
        """Change, before the process starts, what BentoML is set to and cannot do here."""
        if BentoMLContainer.api_server_config.metrics.enabled.get():
            key = f"services.{NAME}.metrics.enabled"
            logger.warning(
                "warning: %s is ignored: /metrics counts already, by the same names", key
            )
            # The last of these options counts, before any file.
            os.environ[OPTIONS] = f"{os.environ.get(OPTIONS, '')} {key}=false"

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    def open(self) -> None:
        """Serve for as long as there is a supervisor."""
        gc.freeze()  # what was loaded stays; looking through it halts all requests
        if self.predictor.settings.workers > 1 and (folder := os.environ.get(COUNTS)):
            self.balance = Balance(Path(folder), SUPERVISOR)
        parent.watch(SUPERVISOR)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    async def close(self) -> None:
        """Finish what was accepted."""
        await self.predictor.close()
        if self.request_log:
            await asyncio.to_thread(self.request_log.close)


def add_http(service: Any) -> None:
    """Let a service answer by our HTTP, in front of BentoML's own routes."""
    service.add_asgi_middleware(allow_origins)
    service.add_asgi_middleware(Http, endpoint=find_endpoint)


def find_endpoint() -> Endpoint:
    """Return what answers: BentoML makes the service after it has built the HTTP side."""
    service = bentoml.get_current_service()
    # `local`: the method itself; without it BentoML would call it by HTTP.
    return Endpoint(service.predict.local, service.predictor, service.balance, service.request_log)


def allow_origins(app: App) -> App:
    """Put `http.cors` of BentoML's configuration before our HTTP; its own lies behind it."""
    if not BentoMLContainer.http.cors.enabled.get():
        return app
    return CORSMiddleware(app, **BentoMLContainer.access_control_options.get())  # type: ignore[arg-type]
