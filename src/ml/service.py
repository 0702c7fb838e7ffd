"""The service as BentoML runs it: `bentoml serve <tag>`, or `make serve` from the work tree.

Reads: the folder that the packager laid out (mlops.serving.settings.find)
"""

from pathlib import Path
from typing import Any

import bentoml

from mlops.serving import bento, settings

MODEL = settings.load(settings.find(Path(__file__).resolve()))


@bentoml.service(image=bento.IMAGE, **bento.configure(MODEL.serving.settings))
class Classifier(bento.Service):
    """Text classification."""

    model = MODEL

    @bentoml.api  # type: ignore[untyped-decorator]
    async def predict(
        self,
        text: str | None = None,
        texts: list[Any] | None = None,
    ) -> dict[str, Any]:
        """Classify one text or a list of texts.

        What this returns is what `POST /predict` answers, BentoML's client gets, and a caller in
        the same process. A field of a form (ml.api.schemas) is an argument here.
        """
        return await self.predictor.predict(text=text, texts=texts)


bento.add_http(Classifier)
