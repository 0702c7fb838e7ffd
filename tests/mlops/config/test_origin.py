"""Rules of finding where a value was written."""

from pathlib import Path

import pytest

from mlops.config.origin import Layers, Origin, Words, around, clash, find, layers
from mlops.config.overrides import Override

FILES = {
    "config.yaml": "data:\n  path: a\ntraining:\n  epochs: 1\n  seed: 0\n",
    "env/dev.yaml": "# dev\ntraining:\n  seed: 1\n",
    "model/tiny.yaml": "name: tiny\nscratch:\n  layers: 2\n  heads: 2\n",
    "model/big.yaml": "defaults: [tiny, _self_]\nname: big\nscratch:\n  layers: 9\n",
    "experiment/x.yaml": (
        "training:\n  seed: ${oc.env:SEED}\nevaluate:\n  tests:\n    - a: 1\n    - b: 2\n"
    ),
}


@pytest.fixture(name="composed")
def _composed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layers:
    """The layers of a small conf/ and one word of SET."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        path = Path("conf", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    choices = {"env": "dev", "experiment": "x", "model": "big"}
    return layers(choices, [Override("data.path", "b"), Override("new.key", "1")])


@pytest.mark.parametrize(
    ("key", "place"),
    [
        (("data", "path"), "SET"),
        (("new",), "SET"),
        (("training", "seed"), "conf/experiment/x.yaml:2"),
        (("training", "epochs"), "conf/config.yaml:4"),
        (("model", "name"), "conf/model/big.yaml:2"),
        (("model", "scratch", "layers"), "conf/model/big.yaml:4"),
        (("model", "scratch", "heads"), "conf/model/tiny.yaml:4"),
        (("evaluate", "tests", 1, "b"), "conf/experiment/x.yaml:6"),
    ],
)
def test_strongest_place_is_found(composed: Layers, key: tuple[str | int, ...], place: str) -> None:
    """SET comes before the experiment, the environment, the model with its bases, the defaults."""
    origin = find(composed, key)

    assert origin is not None
    assert place == origin.place


def test_value_is_given_as_written(composed: Layers) -> None:
    """The raw text shows the variable, not what was put in for it."""
    assert around(composed, ("training", "seed")).raw == "${oc.env:SEED}"


def test_last_word_of_set_counts() -> None:
    """Of two words for a key the last one is the value, and so the place of a mistake."""
    words = Words([Override("a", "1"), Override("a", "2")])

    assert words.find(("a",)) == Origin("SET", "2")


def test_missing_key_lies_in_its_section(composed: Layers) -> None:
    """What nobody wrote is looked for where its section begins."""
    assert around(composed, ("training", "none")).place == "conf/experiment/x.yaml:1"
    assert around(composed, ("none",)).place == "conf"


def test_list_against_section_is_a_clash(composed: Layers) -> None:
    """A list in one file and a section of the same name in a weaker one cannot be merged."""
    assert clash(composed) is None

    Path("conf/experiment/x.yaml").write_text("training:\n  - seed: 1\n", encoding="utf-8")
    told = clash(layers({"env": "dev", "experiment": "x", "model": "big"}, []))

    assert told == (
        "conf/experiment/x.yaml:1: training: expected a section of `key: value` lines, found a list"
    )
