"""The service as BentoML runs it: `bentoml serve <tag>`, or `make serve` from the work tree.

Reads: the folder that the packager laid out (mlops.serving.settings.find)
"""

import gc
import logging
import os
from http import HTTPStatus
from pathlib import Path
from typing import Any

import bentoml
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml.exceptions import BentoMLException
from bentoml.images import Image
from starlette.middleware.cors import CORSMiddleware

from mlops.serving import parent, protocol, settings
from mlops.serving.asgi import App, Front
from mlops.serving.errors import RefusedError
from mlops.serving.predictor import Desk

NAME = "classifier"
OPTIONS = "BENTOML_CONFIG_OPTIONS"
# In a container BentoML leaves a dead worker dead; ours are started again there too.
os.environ.pop("BENTOML_CONTAINERIZED", None)
# A worker has one core.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# The worker's desk: BentoML makes the service when it starts, after it has built the front.
OPEN: list[Desk] = []
MODEL = settings.load(settings.find(Path(__file__).resolve()))
SETTINGS = MODEL.serving.settings
SUPERVISOR = os.getppid()  # of a worker
protocol.install(SETTINGS)
# BentoML would install compilers and Git, half a gigabyte, on a distribution that it knows; the
# lock needs none, since all of it is wheels.
IMAGE = Image(base_image="named-in-bentofile.yaml", distro="as it is")

logger = logging.getLogger("bentoml.serve")


@bentoml.service(
    name=NAME,
    image=IMAGE,
    workers=SETTINGS.workers,
    # The front has limits of its own; this one only catches what they might miss. It keeps a timer
    # for each request, so it must not be long.
    traffic={"timeout": 3 * SETTINGS.timeout},
    metrics={"enabled": False},  # the front counts, see mlops.serving.metrics
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)
class Classifier:
    """Text classification."""

    def __init__(self) -> None:
        self.desk = Desk(MODEL, NAME)
        OPEN.append(self.desk)
        self.desk.works()  # the first request shall be as fast as the others

    @bentoml.api  # type: ignore[untyped-decorator]
    async def predict(
        self,
        text: str | None = None,
        texts: list[Any] | None = None,
    ) -> dict[str, Any]:
        """Classify one text or a list of texts.

        Over HTTP the front answers in its place; this is what BentoML's client takes the schema
        from, and what runs where the service is called in the same process.
        """
        given = {"text": text, "texts": texts}
        try:
            return await self.desk.predict({k: v for k, v in given.items() if v is not None})
        except RefusedError as refusal:
            status = HTTPStatus(refusal.status)
            kind = BentoMLException.error_mapping.get(status, BentoMLException)
            raise kind(str(refusal), error_code=status) from None

    def __is_ready__(self) -> bool:
        """Tell BentoML's /readyz whether a prediction works."""
        return self.desk.works()

    def __is_alive__(self) -> bool:
        """Tell BentoML's /livez and /healthz whether a prediction works."""
        return self.desk.works()

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    @staticmethod
    def configure() -> None:
        """Change, before workers start, what BentoML is told and cannot do here."""
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
        parent.watch(SUPERVISOR)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Finish what was accepted."""
        self.desk.close()


def across_origins(app: App) -> App:
    """Put `http.cors` of BentoML's configuration before the front; its own lies behind it."""
    if not BentoMLContainer.http.cors.enabled.get():
        return app
    return CORSMiddleware(app, **BentoMLContainer.access_control_options.get())  # type: ignore[arg-type]


# What the decorator made of the class, which mypy still takes for the class.
Classifier.add_asgi_middleware(across_origins)  # type: ignore[attr-defined]
Classifier.add_asgi_middleware(Front, desk=lambda: OPEN[-1])  # type: ignore[attr-defined]
