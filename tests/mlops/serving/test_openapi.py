"""The description of the service says what the service does."""

import re
from typing import Any

import jsonschema_rs
import pytest
from prometheus_client import CollectorRegistry

import toy
from ml.api.normalise import normalise
from ml.api.schemas import FIELDS
from mlops.serving import asgi, openapi, settings
from mlops.serving.predictor import Predictor

pytestmark = pytest.mark.anyio


@pytest.fixture(name="predictor", scope="module")
def _predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = toy.serving(toy.export(tmp_path_factory.mktemp("openapi") / "bento"))
    return Predictor(settings.load(folder), "classifier", CollectorRegistry())


def validator(predictor: Predictor, name: str) -> Any:
    """Return what checks a value against one of the description's schemas."""
    described = openapi.describe(predictor)
    return jsonschema_rs.validator_for(
        {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
    )


@pytest.mark.parametrize(
    ("asked", "schema"),
    [
        ({"text": "good"}, "Answer"),
        ({"text": "unheard of"}, "Answer"),
        ({"texts": ["good", "", 5, "film " * 50, "unheard of"]}, "Answers"),
    ],
)
async def test_answers_are_as_described(
    predictor: Predictor, asked: dict[str, Any], schema: str
) -> None:
    """One text and a list, with errors in it."""
    validator(predictor, schema).validate(await predictor.predict(**asked))


async def test_a_field_of_the_project_is_described(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the type that it declares; one that it does not declare contradicts nothing."""
    answer = await predictor.predict(text="good")
    validator(predictor, "Answer").validate({**answer, "team": "films"})
    monkeypatch.setitem(FIELDS, "team", {"type": "string"})
    described = openapi.describe(predictor)["components"]["schemas"]

    assert described["Answer"]["properties"]["team"] == {"type": "string"}
    assert described["Answers"]["properties"]["team"] == {"type": "string"}
    assert validator(predictor, "Answer").is_valid({**answer, "team": "films"})
    assert not validator(predictor, "Answer").is_valid({**answer, "team": 5})
    assert not validator(predictor, "Answer").is_valid({"team": "films"})


@pytest.mark.parametrize(("text", "valid"), [("a", True), ("\u3000", False), ("\0", False)])
async def test_what_is_described_as_a_text_can_be_predicted(
    predictor: Predictor, text: str, valid: bool
) -> None:
    """The pattern asks for what is left after normalisation."""
    assert bool(normalise(text)) is valid
    assert validator(predictor, "OneText").is_valid({"text": text}) is valid
    assert bool(re.search(openapi.VISIBLE, text)) is valid


async def test_every_route_is_described(predictor: Predictor) -> None:
    """All but the page, the description itself and what only BentoML's client reads."""
    served = {*asgi.METHODS, *asgi.BENTOML} - {"/", "/docs.json", "/schema.json"}

    assert set(openapi.describe(predictor)["paths"]) == served


async def test_limits_are_described(predictor: Predictor) -> None:
    """A client can know them without a failed request."""
    schemas = openapi.describe(predictor)["components"]["schemas"]

    assert schemas["OneText"]["properties"]["text"]["maxLength"] == predictor.settings.max_chars
    assert schemas["Texts"]["properties"]["texts"]["maxItems"] == predictor.settings.max_items
