"""What a worker holds, and the one way from a request to its answer."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from prometheus_client import REGISTRY, CollectorRegistry

from mlops.serving import errors, request, response, schemas
from mlops.serving.engine import Engine, Prediction
from mlops.serving.errors import RefusedError
from mlops.serving.metrics import Metrics
from mlops.serving.queue import BusyError, Line
from mlops.serving.schemas import Asked
from mlops.serving.settings import Model

logger = logging.getLogger("bentoml.serve")
T = TypeVar("T")


class Desk:
    """Engine, line, metrics and settings of one worker."""

    def __init__(self, model: Model, service: str, registry: CollectorRegistry = REGISTRY) -> None:
        self.settings = model.serving.settings
        self.preprocessing = model.serving.preprocessing
        self.example = model.signature.example
        settings = self.settings
        self.engine = Engine(model.folder, settings.threads, settings.device, settings.batch_items)
        join = settings.batch_items if settings.batching else 1
        self.line = Line(self.engine.predict, settings.queue_size, settings.timeout, join)
        self.model = {name: str(model.serving.info[name]) for name in ("name", "version")}
        self.metrics = Metrics(service, self.model["version"], registry)
        self.info = {
            **model.serving.info,
            "example": self.example,
            "labels": model.signature.labels,
            "max_tokens": model.signature.max_length,
            "precision": self.engine.precision,
            "device": self.engine.device,
            "limits": settings.limits,
        }

    async def respond(self, body: bytes) -> bytes:
        """Return the answer to the body of a request; raise what refuses all of it."""
        return await self._ask(lambda: request.parse(body), response.encode)

    async def predict(self, value: object) -> dict[str, Any]:
        """Return the answer to the JSON value of a request, as `respond` does."""
        return await self._ask(lambda: value, lambda merged: merged)

    async def _ask(self, value: Callable[[], object], form: Callable[[dict[str, Any]], T]) -> T:
        """Let the line's thread read, predict and write: the event loop has others to serve."""
        asked: Asked

        def read() -> list[str]:
            nonlocal asked
            asked = schemas.check(value(), self.settings, self.preprocessing)
            return self._texts(asked)

        def write(found: list[Prediction]) -> T:
            self.metrics.predicted.inc(len(found))
            self.metrics.truncated.inc(sum(one.truncated for one in found))
            return form(response.merge(asked, found, self.model))

        try:
            return await self.line.ask(read, write)
        except BusyError as error:
            raise errors.busy(error.retry_after) from None

    def _texts(self, asked: Asked) -> list[str]:
        """Return the texts to predict; raise where a single one is refused."""
        texts = [item for item in asked.items if isinstance(item, str)]
        self.metrics.refused.inc(len(asked.items) - len(texts))
        if asked.single and isinstance(asked.items[0], RefusedError):
            raise asked.items[0]
        return texts

    def works(self) -> bool:
        """Predict the example, past the line: also a busy worker is alive."""
        try:
            return len(self.engine.predict([self.example])) == 1
        except Exception:
            logger.exception("the example cannot be predicted")
            return False

    def close(self) -> None:
        """End when all that was accepted is done."""
        self.line.close()
