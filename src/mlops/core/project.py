"""The plug: what a project hands to the machinery. The one file of mlops that imports ml."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import polars as pl

    from mlops.config.schema import Params
    from mlops.core.checks import Check
    from mlops.evaluation.results import Baseline, Data
    from mlops.evaluation.scores import Score
    from mlops.release.evidence import Evidence, Split
    from mlops.serving.schemas import Form
    from mlops.tables.readers.formats import Format


class Project(Protocol):
    """What `ml.project` holds: each part is imported there when it is asked for."""

    def params(self) -> "type[Params]":
        """Return the schema of params.yaml."""

    def corpus(self, rows: int) -> Iterator[Mapping[str, str]]:
        """Give rows of the synthetic corpus: columns of text, `text` and `label` among them."""

    def formats(self) -> "Mapping[str, Format]":
        """Return readers of file formats beside the machinery's own, by suffix."""

    def clean(self, texts: "pl.Series") -> "tuple[pl.Series, dict[str, int]]":
        """Return normalised texts, and how many each step has changed."""

    def normalise(self, text: str) -> str:
        """Return the text of a request as `clean` returns it."""

    def describe(self, model: Any) -> str:
        """Say what is trained from random weights; `model` is that section of params.yaml."""

    def scores(self) -> "Mapping[str, Score]":
        """Return the scores of a model, by the names that they have in metrics."""

    def baselines(self, data: "Data") -> "Mapping[str, Baseline]":
        """Train what a model must beat, on the same rows."""

    def criteria(self, evidence: "Evidence", test: "Split", gate: Any) -> "Iterator[Check]":
        """Yield what a model must show by itself; `gate` is that section of params.yaml."""

    def requests(self) -> "Mapping[str, Form]":
        """Return the forms that a request may have, by the names that they have in OpenAPI."""

    def response_fields(self) -> Mapping[str, Any]:
        """Return what the service's `predict` adds to a response, as JSON schemas by name."""


def project() -> Project:
    """Return the project's plug; only now its code is imported, and may be broken."""
    from ml import project as plug  # noqa: PLC0415

    return plug
