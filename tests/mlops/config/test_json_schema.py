"""The schemas of the editors: fresh, referenced, as strict as compose on single values."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from common import ROOT
from ml.config import Params
from mlops.config import json_schema
from mlops.config.keys import Key, paths
from mlops.core.names import GROUPS, options

SCHEMAS = (json_schema.CONFIG, json_schema.MODEL)
FILES = [
    (path, file.relative_to(ROOT))
    for path in SCHEMAS
    for pattern in json_schema.FILES[path]
    for file in sorted((ROOT / "conf").glob(pattern))
]


class Loader(yaml.SafeLoader):
    """YAML as editors and Hydra read it: a date is a text."""


Loader.yaml_implicit_resolvers = {
    sign: [(tag, form) for tag, form in resolvers if not tag.endswith(":timestamp")]
    for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def refused(text: str, path: Path = json_schema.CONFIG) -> list[str]:
    """Return the keys that the committed schema refuses."""
    validator = jsonschema_rs.validator_for(json.loads(path.read_text()))
    errors = validator.iter_errors(yaml.load(text, Loader=Loader))
    return [".".join(map(str, error.instance_path)) for error in errors]


def described(part: dict[str, Any], key: Key = ()) -> Iterator[tuple[Key, str | None]]:
    """Return the description of each key of a schema."""
    for name, one in part.get("properties", {}).items():
        yield (*key, name), one.get("description")
        yield from described(one, (*key, name))


@pytest.mark.parametrize("path", SCHEMAS, ids=str)
def test_what_is_committed_is_fresh(path: Path) -> None:
    """A change of mlops.config.schema or of a comment in conf/ needs `make schema`."""
    assert path.read_text() == json_schema.schemas()[path], "stale: run `make schema`"


@pytest.mark.parametrize(("path", "file"), FILES, ids=str)
def test_a_file_refers_to_its_schema(path: Path, file: Path) -> None:
    """In its first line, or right behind the line that Hydra needs there."""
    lines = file.read_text().splitlines()
    line = lines[lines[0].startswith("# @package")]
    named = line.removeprefix("# yaml-language-server: $schema=")

    assert (file.parent / named).resolve() == path.resolve()


def test_every_file_that_a_user_chooses_has_a_schema() -> None:
    """No environment, experiment or model family is left out."""
    chosen = {f"conf/{group}/{name}.yaml" for group in GROUPS for name in options(group)}
    checked = {str(file) for path in SCHEMAS for file in json_schema.files(path)}

    assert checked == {"conf/config.yaml", "conf/project.yaml", *chosen}


@pytest.mark.parametrize(("path", "file"), FILES, ids=str)
def test_a_committed_file_is_valid(path: Path, file: Path) -> None:
    """An editor shows no complaint where there is nothing to complain about."""
    assert refused(file.read_text(), path) == []


@pytest.mark.parametrize("document", ["docs/guide.md"])
def test_examples_are_valid(document: str) -> None:
    """Each YAML block of the documents is an experiment, variables included."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / document).read_text(), re.S)

    assert blocks
    assert [refused(block) for block in blocks] == [[]] * len(blocks)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("training: {epoch: 3}", "training"),
        ("trainig: {epochs: 3}", ""),
        ("training: {epochs: many}", "training.epochs"),
        ("training: {epochs: 1.5}", "training.epochs"),
        ("training: {epochs: 0}", "training.epochs"),
        ("training: {learning_rate: 2}", "training.learning_rate"),
        ("training: {optimizer: adm}", "training.optimizer"),
        ("training: {epochs: null}", "training.epochs"),
        ("data: {preprocessing: 'yes'}", "data.preprocessing"),
        ("data: {labels: [one]}", "data.labels"),
        ("storage: {remote: 'gs://x/y'}", "storage.remote"),
        ("model: {scratch: {layer: 1}}", "model.scratch"),
        ("snapshot: {train: x}", ""),
        ("evaluate: {behaviour: [{cases: []}]}", "evaluate.behaviour"),
        ("evaluate: {length_slices: [0]}", "evaluate.length_slices"),
    ],
)
def test_a_mistake_is_refused(text: str, key: str) -> None:
    """An unknown key, a wrong type, a value out of range, a part of a list that lacks something."""
    assert refused(text) == [key]


def test_a_mistake_in_a_model_family_is_refused() -> None:
    """Its file holds the section itself."""
    assert refused("dropout: 1.5\nscratch: {heads: 0}", json_schema.MODEL) == [
        "dropout",
        "scratch.heads",
    ]


@pytest.mark.parametrize("text", ["${BATCH_SIZE:-32}", "${training.epochs}", "???"])
def test_a_reference_may_stand_anywhere(text: str) -> None:
    """What only composing can put in is no mistake."""
    written = yaml.safe_dump(
        {
            "training": {"epochs": text},
            "evaluate": {"length_slices": [text]},
            "data": {"labels": text},
        }
    )

    assert refused(written) == []


def test_an_editor_shows_every_reason_of_the_configuration() -> None:
    """The schema knows each key that the code knows, with its comment."""
    told = dict(described(json.loads(json_schema.CONFIG.read_text())))
    known = {
        path for path in paths(Params) if path.partition(".")[0] not in ("snapshot", "experiment")
    }
    in_lists = {path for path in known if path.startswith("evaluate.behaviour.")}

    assert {".".join(map(str, key)) for key in told} == (known - in_lists) | {"defaults"}
    assert told["training", "warmup"] == "share of the steps"
    assert told["model", "dropout"]
    assert (told["model", "name"], told["training", "batch_size"]) == (None, None)
