"""Rules of telling what is wrong with a configuration, through the whole composition."""

import shutil
from pathlib import Path

import pytest

from common import ROOT
from mlops.core.errors import ConfigError
from mlops.pipeline.compose import compose

X = r"conf/experiment/x\.yaml"

# What an experiment holds, and the sentence that must come back.
FILES = {
    "unknown key": (
        "training:\n  epoch: 3\n",
        f"{X}:2: training.epoch: unknown key; did you mean training.epochs",
    ),
    "unknown deep key": (
        "model:\n  scratch:\n    layer: 3\n",
        f"{X}:3: model.scratch.layer: unknown .*mean model.scratch.layers",
    ),
    "unknown section": (
        "trainig:\n  epochs: 3\n",
        f"{X}:1: trainig: unknown key; did you mean training",
    ),
    "key of another section": (
        "training:\n  sample: 0.5\n",
        f"{X}:2: .* did you mean prepare.sample",
    ),
    "key without section": (
        "batch_size: 8\n",
        f"{X}:1: batch_size: .* did you mean training.batch_size",
    ),
    "no such name at all": (
        "zzz: 8\n",
        f"{X}:1: zzz: unknown key; expected one of: environment, experiment, project, .*metadata$",
    ),
    "key of a list": (
        "evaluate:\n  behaviour:\n    - name: x\n      cases: []\n      case: 1\n",
        f"{X}:5: evaluate.behaviour.0..case: .* did you mean evaluate.behaviour.0..cases",
    ),
    "text for a number": (
        "training:\n  epochs: many\n",
        f'{X}:2: training.epochs: expected a whole number, found "many"$',
    ),
    "number in quotes": (
        'training:\n  epochs: "3"\n',
        f'{X}:2: .* found "3" .a text.; remove the quotes',
    ),
    "fraction": (
        "training:\n  epochs: 2.5\n",
        f"{X}:2: training.epochs: expected a whole number, found 2.5",
    ),
    "number for a text": (
        "model:\n  version: 2.0\n",
        f'{X}:2: model.version: expected text, .* quotes: "2.0"',
    ),
    "number in a variable for a text": (
        "model:\n  version: ${VERSION:-2.0}\n",
        f"{X}:2: .* found 2.0; to stay text it needs quotes inside the variable: '\"2.0\"'",
    ),
    "yes is no text": (
        "data:\n  labels: [yes, no]\n",
        f'{X}:2: data.labels.0.: .* found true; put it in quotes: "yes"',
    ),
    "number for a truth value": (
        "data:\n  preprocessing: 1\n",
        f"{X}:2: .* expected true or false, found 1",
    ),
    "null": (
        "training:\n  epochs: null\n",
        f"{X}:2: training.epochs: expected a whole number, found null",
    ),
    "null is allowed": (
        "data:\n  val_path: 3\n",
        f"{X}:2: data.val_path: expected text or null, found 3",
    ),
    "unknown word": (
        "training:\n  optimizer: adm\n",
        f"{X}:2: .*expected 'adam', .* found \"adm\"; did you mean 'adam'",
    ),
    "word or list": (
        "training:\n  class_weights: balance\n",
        f"{X}:2: .* 'none' or 'balanced' or a list, .*mean 'balanced'",
    ),
    "number for a section": ("training: 3\n", f"{X}:1: training: expected a section of .* found 3"),
    "empty section": ("training:\n", f"{X}:1: training: expected a section of .* found null"),
    "list for a section": (
        "training:\n  - epochs: 3\n",
        f"{X}:1: training: expected a section .* found a list",
    ),
    "section for a number": (
        "training:\n  epochs:\n    x: 3\n",
        f"{X}:2: .*expected a whole number, found a section",
    ),
    "negative rate": (
        "training:\n  learning_rate: -0.1\n",
        f"{X}:2: training.learning_rate: expected a number greater than 0, found -0.1",
    ),
    "rate above 1": (
        "training:\n  learning_rate: 10\n",
        f"{X}:2: .*expected a number of at most 1, found 10",
    ),
    "no number": ("training:\n  learning_rate: .nan\n", f"{X}:2: .* found NaN"),
    "share of 1": (
        "training:\n  warmup: 1.0\n",
        f"{X}:2: .*expected a number less than 1, found 1.0",
    ),
    "empty text": ("model:\n  name: ''\n", f"{X}:2: .*expected text that is not empty"),
    "a name of two lines": (
        'model:\n  name: "a\\n::error::b"\n',
        f"{X}:2: model.name: expected one line of text",
    ),
    "short list": ("data:\n  labels: [a]\n", f"{X}:2: .*expected a list of at least 2"),
    "number as key": (
        "mlflow:\n  tags: {1: a}\n",
        f"{X}:2: mlflow.tags.1.: expected text, found 1; put the key in quotes",
    ),
    "rule in a section": (
        "training:\n  epochs: 1\n  loss_function: focal\n  label_smoothing: 0.1\n",
        f"{X}:4: training: label_smoothing acts on cross_entropy only",
    ),
    "rule between sections": (
        "data:\n  labels: [a, b]\ntraining:\n  class_weights: [1, 2, 3]\n",
        f"{X}:4: training.class_weights has 3 values, data.labels has 2",
    ),
    "rule of a device": (
        "serving:\n  device: cuda\n",
        f"{X}:2: serving.device is cuda, which serves the graph that export.gpu=true makes",
    ),
    "rule in a list": (
        "evaluate:\n  behaviour:\n    - name: x\n",
        f"{X}:3: evaluate.behaviour.0.: a behaviour test needs exactly one of",
    ),
    "missing key": (
        "evaluate:\n  behaviour:\n    - cases: []\n",
        f"{X}:3: evaluate.behaviour.0..name: expected a value, found nothing",
    ),
    "computed key": ("snapshot:\n  train: abc\n", f"{X}:1: snapshot: expected no such key"),
    "duplicate key": (
        "training:\n  epochs: 1\n  epochs: 2\n",
        f"{X}:3: epochs: expected each key once",
    ),
    "unset variable": (
        "data:\n  train_path: ${DATA_PATH}/train\n",
        f"{X}:2: data.train_path: the environment variable DATA_PATH is not set.*DATA_PATH:-v",
    ),
    "unset variable of oc.env": (
        "data:\n  train_path: ${oc.env:DATA_PATH}\n",
        f"{X}:2: .*DATA_PATH is not set; .*DATA_PATH:-default",
    ),
    "oc.env gives text": (
        "training:\n  batch_size: ${oc.env:BS,8}\n",
        f'{X}:2: .* found "8"; oc.env gives text: write ..BS:-8., which keeps numbers',
    ),
    "variable in small letters": (
        "data:\n  train_path: ${data_path}\n",
        f"{X}:2: .*variables, in capitals.*'data_path' not found",
    ),
    "other shell form": (
        "data:\n  train_path: ${DATA_PATH-x}\n",
        f"{X}:2: data.train_path: expected ..NAME., ..NAME:-default",
    ),
    "circle": (
        "training:\n  epochs: ${training.epochs}\n",
        f"{X}:2: training.epochs: Recursive interpolation",
    ),
    "unknown model": (
        "defaults:\n  - override /model: xlnt\n",
        f"{X}:2: unknown model 'xlnt'; did you mean 'xlnet'",
    ),
    "unknown base": (
        "defaults:\n  - defualt\n",
        f"{X}:2: unknown experiment 'defualt'; did you mean 'default'",
    ),
    "unknown group": (
        "defaults:\n  - override /modle: gpt\n",
        "experiment/x.*Could not override 'modle'",
    ),
    "no list of defaults": ("defaults: x\n", "Invalid defaults list in 'experiment/x'"),
}

# What SET holds, and the sentence.
WORDS = {
    "unknown key": (
        "training.epoch=3",
        "SET: training.epoch: unknown key; did you mean training.epochs",
    ),
    "unknown section": ("trainig.epochs=3", "SET: trainig: unknown key; did you mean training"),
    "negative rate": (
        "training.learning_rate=-1",
        "SET: training.learning_rate: expected a number greater than 0",
    ),
    "section": ("training=3", "SET: training: expected a section"),
    "below a number": (
        "training.epochs.x=3",
        "SET: training.epochs: expected a whole number, found a section",
    ),
    "missing value": ("training.epochs=???", "SET: training.epochs: expected a value, found .{3}$"),
    "list for a section": ("mlflow.tags=[a]", "SET: mlflow.tags: expected a section, found a list"),
    "comma": (
        "data.labels=a,b",
        r"SET: expected one value, found 'data.labels=a,b'; write a list as \[a,b\]",
    ),
    "sweep": ("'training.epochs=range(1,3)'", "SET: expected one value, .*make sweep OVER="),
    "open bracket": ("data.labels=[a,b", r"SET: expected key=value, found 'data.labels=\[a,b'"),
    "unset variable": (
        "'training.epochs=${N}'",
        "SET: training.epochs: the environment variable N is not set",
    ),
    "unknown model": ("model=brt", "SET: unknown model 'brt'; did you mean 'bert'"),
    "unknown environment": ("env=qaa", "SET: unknown environment 'qaa'; did you mean 'qa'"),
    "unknown experiment": (
        "experiment=defualt",
        "SET: unknown experiment 'defualt'; did you mean 'default'",
    ),
}


@pytest.fixture(name="conf", autouse=True)
def _conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of conf/ in the current folder."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(ROOT / "conf", "conf"))


@pytest.mark.parametrize(("text", "message"), FILES.values(), ids=FILES)
def test_mistake_in_a_file_is_told(conf: Path, text: str, message: str) -> None:
    """A mistake is told with file, line, key, what was expected and found, and what was meant."""
    (conf / "experiment/x.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError, match=message):
        compose("dev", "x")


@pytest.mark.parametrize(("words", "message"), WORDS.values(), ids=WORDS)
def test_mistake_in_set_is_told(words: str, message: str) -> None:
    """A mistake in SET is told like one in a file."""
    with pytest.raises(ConfigError, match=message):
        compose("dev", "default", words)


@pytest.mark.parametrize(
    ("path", "old", "new", "message"),
    [
        ("env/dev.yaml", "prepare:", "prepre:", r"conf/env/dev\.yaml:5: prepre: .*mean prepare"),
        (
            "model/tiny.yaml",
            "layers: 2",
            "layers: 0",
            r"conf/model/tiny\.yaml:\d+: model.scratch.la",
        ),
        (
            "config.yaml",
            "epochs: 6",
            "epochs: ???",
            r"conf/config\.yaml:\d+: training.epochs: .* \?",
        ),
        (
            "config.yaml",
            "epochs: 6",
            "# none",
            r"conf/config\.yaml:\d+: training.epochs: .*nothing",
        ),
    ],
)
def test_mistake_in_any_layer_is_told(
    conf: Path, path: str, old: str, new: str, message: str
) -> None:
    """Environment, model and defaults are searched like the experiment."""
    text = (conf / path).read_text(encoding="utf-8")
    (conf / path).write_text(text.replace(old, new), encoding="utf-8")

    with pytest.raises(ConfigError, match=message):
        compose("dev", "default")


def test_mistake_is_told_where_a_model_inherits_it(conf: Path) -> None:
    """A value that a model file takes from another one is told in that one."""
    path = conf / "model/tiny.yaml"
    path.write_text(path.read_text("utf-8").replace("heads: 2", "heads: 0"), encoding="utf-8")

    with pytest.raises(ConfigError, match=r"conf/model/tiny\.yaml:\d+: model.scratch.heads"):
        compose("dev", "default", "model=gpt")


def test_all_mistakes_are_told_at_once(conf: Path) -> None:
    """One run shows every mistake: of references, of the file and of SET."""
    text = "data:\n  train_path: ${A}\n  val_path: ${B}\nmodle: 1\n"
    (conf / "experiment/x.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        compose("dev", "x", "training.epochs=0")

    lines = sorted(str(caught.value).splitlines()[1:])
    places = [line.split(": ")[0].strip() for line in lines]
    assert ["SET", *(f"conf/experiment/x.yaml:{n}" for n in (2, 3, 4))] == sorted(places)
