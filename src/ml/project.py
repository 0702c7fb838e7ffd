"""The plug: what this project hands to the machinery (src/mlops), each part a function.

A part is imported when it is asked for: `make doctor` and `make rollback` work while another is
broken, and the service carries this file without what trains.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from ml.config import Gate, Model, Params
    from mlops.core.checks import Check
    from mlops.evaluation.results import Baseline, Data
    from mlops.evaluation.scores import Score
    from mlops.release.evidence import Evidence, Split
    from mlops.serving.schemas import Form
    from mlops.tables.readers.formats import Format


def params() -> "type[Params]":
    """Return the schema of params.yaml."""
    from ml.config import Params

    return Params


def corpus(rows: int) -> Iterator[Mapping[str, str]]:
    """Give rows of the synthetic corpus, which `data.train_path: synthetic` asks for."""
    from ml.data import grammar

    return (row._asdict() for row in grammar.generate(rows))


def formats() -> "Mapping[str, Format]":
    """Return readers of file formats of your own by suffix, as {".xml": Xml()}."""
    return {}


def clean(texts: "pl.Series") -> "tuple[pl.Series, dict[str, int]]":
    """Return normalised texts, and how many each step has changed."""
    from ml.data import cleaning

    return cleaning.normalise(texts)


def normalise(text: str) -> str:
    """Return the text of a request as `clean` returns it."""
    from ml.api import normalise as request

    return request.normalise(text)


def describe(model: "Model") -> str:
    """Say what is trained from random weights, for the model card."""
    if model.custom:
        return f"the class `{model.custom}` of this project"
    return f"a {model.scratch.type} of {model.scratch.layers} layers"


def scores() -> "Mapping[str, Score]":
    """Return the scores of a model, by the names that they have in metrics."""
    from ml.evaluation.scores import SCORES

    return SCORES


def baselines(data: "Data") -> "Mapping[str, Baseline]":
    """Train what a model must beat, on the same rows."""
    from ml.evaluation import baselines as trained

    return trained.train(data)


def criteria(evidence: "Evidence", test: "Split", gate: "Gate") -> "Iterator[Check]":
    """Yield what a model must show by itself to be accepted."""
    from ml.evaluation.criteria import absolute

    return absolute(evidence, test, gate)


def requests() -> "Mapping[str, Form]":
    """Return the forms that a request may have."""
    from ml.api.schemas import FORMS

    return FORMS


def response_fields() -> "Mapping[str, Any]":
    """Return what `predict` in ml.service adds to a response, as JSON schemas by name."""
    from ml.api.schemas import FIELDS

    return FIELDS
