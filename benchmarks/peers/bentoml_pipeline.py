"""The example of BentoML's documentation: a transformers pipeline in a service.

Run: MODEL=<folder> bentoml serve bentoml_pipeline:Classification
"""

import os

import bentoml
from transformers import pipeline


@bentoml.service(
    workers=int(os.environ.get("WORKERS", "1")), resources={"cpu": "2"}, traffic={"timeout": 10}
)
class Classification:
    """Loads the pipeline once for each worker."""

    def __init__(self) -> None:
        self.pipeline = pipeline("text-classification", model=os.environ["MODEL"])

    @bentoml.api
    def classify(self, text: str) -> list[dict[str, object]]:
        """Return the label and its probability."""
        return self.pipeline(text)  # type: ignore[no-any-return]
