"""What answers requests: an engine, the queue before it, and their counts.

Reads: MODEL_VERSION and MODEL_CREATED, the version in the registry and the Unix time since when it
is there, which `make deploy` sets
"""

import logging
import os
from collections.abc import Iterator
from itertools import islice
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry

from mlops.serving import errors, response, schemas
from mlops.serving.counts import Origin
from mlops.serving.engine import Engine, Prediction
from mlops.serving.metrics import Metrics
from mlops.serving.queue import BusyError, Queue
from mlops.serving.schemas import Request
from mlops.serving.settings import Model

VERSION, CREATED = "MODEL_VERSION", "MODEL_CREATED"

logger = logging.getLogger("bentoml.serve")


class Predictor:
    """Engine, queue, metrics and settings of one process."""

    def __init__(self, model: Model, service: str, registry: CollectorRegistry = REGISTRY) -> None:
        settings = model.serving.settings
        self.settings = settings
        self.preprocessing = model.serving.preprocessing
        self.example = model.signature.example
        self.engine = Engine(model.folder, settings.threads, settings.device, settings.batch_items)
        self.model = {name: str(model.serving.info[name]) for name in ("name", "version")}
        self.metrics = Metrics(origin(model, service), settings.queue_size, registry)
        batch = settings.batch_items if settings.batching else 1
        self.queue = Queue(self._answer, settings.queue_size, settings.timeout, batch)
        self.queue.counts = self.metrics.queue
        self.info = {
            **model.serving.info,
            "example": self.example,
            "labels": model.signature.labels,
            "max_tokens": model.signature.max_length,
            "precision": self.engine.precision,
            "device": self.engine.device,
            "limits": settings.limits,
        }

    async def predict(self, **fields: Any) -> dict[str, Any]:
        """Return the response to a request of these fields; raise what is wrong with all of it."""
        value = {name: field for name, field in fields.items() if field is not None}
        texts = sum(len(field) if isinstance(field, list) else 1 for field in value.values())
        try:
            found: dict[str, Any] = await self.queue.run(value, texts)
        except BusyError as error:
            raise errors.busy(error.retry_after) from None
        return found

    def _answer(self, values: list[object]) -> list[dict[str, Any] | Exception]:
        """Answer requests in one batch, off the event loop; an error takes its request's place."""
        requests = [self._check(value) for value in values]
        good = [request for request in requests if isinstance(request, Request)]
        try:
            found = iter(self.engine.predict([text for one in good for text in one.texts]))
        except Exception as error:  # whatever it is, the others must be served
            return [error] if len(values) == 1 else [self._answer([one])[0] for one in values]
        return [self._merge(one, found) if isinstance(one, Request) else one for one in requests]

    def _check(self, value: object) -> Request | Exception:
        try:
            request = schemas.check(value, self.settings, self.preprocessing)
        except Exception as error:
            return error
        if refused := len(request.items) - len(request.texts):
            self._refuse(request, refused)
        return request.error or request

    def _refuse(self, request: Request, texts: int) -> None:
        self.metrics.texts.refused.inc(texts)
        for item in () if request.single else request.items:  # a single one is a refused request
            if isinstance(item, errors.RequestError):
                self.metrics.requests.refuse(item.error["code"])

    def _merge(self, request: Request, found: Iterator[Prediction]) -> dict[str, Any]:
        predictions = list(islice(found, len(request.texts)))
        self.metrics.texts.count(predictions)
        return response.merge(request, predictions, self.model)

    def works(self) -> bool:
        """Predict the example, past the queue: also a busy process is alive."""
        try:
            return len(self.engine.predict([self.example])) == 1
        except Exception:
            logger.exception("the example cannot be predicted")
            return False

    async def close(self) -> None:
        """End when all that was accepted is done."""
        await self.queue.close()


def origin(model: Model, service: str) -> Origin:
    """Return what is counted for; a service that was not deployed has no registered version."""
    registered = os.environ.get(VERSION, "")
    return Origin(
        service=service,
        version=registered or str(model.serving.info["version"]),
        registered=registered or "none",
        model_sha256=model.signature.model_sha256,
        commit=str(model.serving.info.get("commit")),
        labels=model.signature.labels,
        created=float(os.environ.get(CREATED) or 0),
    )
