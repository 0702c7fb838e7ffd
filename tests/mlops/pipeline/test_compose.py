"""Rules of composing conf/ into params.yaml."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
import yaml

from common import ROOT
from ml.config import Params
from mlops.config import schema
from mlops.core.errors import ConfigError
from mlops.core.hashing import digest
from mlops.pipeline import compose

PARAMS = schema.PARAMS

# The workflow guide's own words, unchanged. Do not tidy them.
GUIDE = """\
# Model Configuration
model:
  name: bert-sentiment-classifier
  version: v2.1
  architecture: transformers
  pretrained: bert-base-uncased

# Training Configuration
training:
  batch_size: 32
  learning_rate: 0.001
  epochs: 10
  optimizer: adam
  loss_function: cross_entropy

# Data Configuration
data:
  train_path: s3://mlops/datasets/sentiment/train
  val_path: s3://mlops/datasets/sentiment/val
  test_path: s3://mlops/datasets/sentiment/test
  preprocessing: true

# Compute Resources
resources:
  gpu: 1
  memory_gb: 16
  cpu_cores: 8

# MLflow Tracking
mlflow:
  experiment_name: sentiment-analysis
  artifact_location: s3://mlops/artifacts
  tags:
    project: nlp
    team: research
"""
VERSION = """\
# Always include version
model:
  name: xlnet-classifier
  version: v3.0
  config_version: 1.0
  
metadata:
  created_date: 2024-01-18
  author: research-team
  description: "XLNet with fine-tuned hyperparameters"
"""  # noqa: W293  (as pasted)
VARIABLES = """\
# Use references instead of hardcoded values
data:
  train_path: ${DATA_PATH}/train
  val_path: ${DATA_PATH}/val
  
training:
  batch_size: ${BATCH_SIZE:-32}  # Default 32
  learning_rate: ${LEARNING_RATE:-0.001}
"""  # noqa: W293  (as pasted)


@pytest.fixture(name="conf", autouse=True)
def _conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of conf/ in the current folder, with the guide's three fragments as experiments."""
    monkeypatch.chdir(tmp_path)
    conf = Path(shutil.copytree(ROOT / "conf", "conf"))
    for name, text in (("guide", GUIDE), ("version", VERSION), ("variables", VARIABLES)):
        (conf / "experiment" / f"{name}.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("DATA_PATH", "/data")
    return conf


@pytest.mark.parametrize("env", ["dev", "qa", "prod"])
@pytest.mark.parametrize("exp", ["guide", "version", "variables"])
def test_guide_composes_as_pasted(env: str, exp: str) -> None:
    """A config.yaml written to the guide is an experiment in every environment."""
    assert env == compose.compose(env, exp).environment


def test_guide_values_arrive() -> None:
    """Each section of the guide's example lands where a stage reads it."""
    found = compose.compose("dev", "guide").model_dump()

    for section, values in yaml.safe_load(GUIDE).items():
        assert values == {key: found[section][key] for key in values}


def test_guide_types_are_kept() -> None:
    """A date stays text, a version with a point a number."""
    found = compose.compose("dev", "version")

    assert (found.metadata.created_date, found.model.config_version) == ("2024-01-18", 1.0)


def test_guide_variables_act(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guide's variables give their values, typed, or their defaults."""
    monkeypatch.setenv("BATCH_SIZE", "64")
    found = cast(Params, compose.compose("dev", "variables"))

    assert (found.data.train_path, found.data.val_path) == ("/data/train", "/data/val")
    assert (found.training.batch_size, found.training.learning_rate) == (64, 0.001)


@pytest.mark.parametrize("name", ["tiny", "bert", "gpt", "xlnet", "custom"])
def test_every_model_family_composes(name: str) -> None:
    """SET chooses a family; a pretrained one is pinned and keeps its own dropout."""
    model = cast(Params, compose.compose(overrides=f"model={name}")).model

    assert name == model.name
    assert (model.pretrained is None) == (model.revision is None) == (model.dropout is not None)


@pytest.mark.parametrize(("name", "kind"), [("gpt", "gpt2"), ("xlnet", "xlnet"), ("bert", "bert")])
def test_pretrained_family_trains_small_from_scratch(name: str, kind: str) -> None:
    """Without its weights a family is a small network of its own type."""
    words = f"model={name} model.pretrained=null model.revision=null"

    assert kind == cast(Params, compose.compose(overrides=words)).model.scratch.type


def test_environments_only_override() -> None:
    """Development samples a tenth; elsewhere the data is whole and missing resources are errors."""
    dev, qa, prod = (compose.compose(env) for env in ("dev", "qa", "prod"))

    assert tuple(found.prepare.sample for found in (dev, qa, prod)) == (0.1, 1.0, 1.0)
    assert [found.resources.missing for found in (dev, qa, prod)] == ["warn", "fail", "fail"]
    assert dev.training == qa.training == prod.training


@pytest.mark.parametrize(
    ("words", "author"),
    [
        ("metadata.author=Zoë", "Zoë"),
        ("metadata.author='a b'", "a b"),
        ("metadata.author=x=y#z", "x=y#z"),
        ("""metadata.author='"a, b"'""", "a, b"),
        ("metadata.author='${AUTHOR:-me}'", "me"),
        ("metadata.author=", ""),
        ("metadata.author=a metadata.author=b", "b"),
        (r"metadata.author=' x '", " x "),
        (r"metadata.author='\\server\x'", r"\\server\x"),
        (r"metadata.author='data/set #2/r.csv'", "data/set #2/r.csv"),
        ("metadata.author=007", "007"),
        ("metadata.author=12:30:00", "12:30:00"),
    ],
)
def test_set_takes_texts_as_they_are(words: str, author: str) -> None:
    """A text in SET needs quotes only where the shell or a list would need them."""
    assert author == compose.compose(overrides=words).metadata.author


def test_set_is_stronger_than_files() -> None:
    """SET overrules the experiment, for values, groups, environment and experiment."""
    found = compose.compose("dev", "xlnet-classifier", "model=gpt env=qa training.epochs=2")

    assert (
        found.model.pretrained,
        found.environment,
        found.training.epochs,
    ) == ("openai-community/gpt2", "qa", 2)
    assert compose.compose("dev", "guide") == compose.compose("dev", "default", "experiment=guide")


@pytest.mark.parametrize("gone", ["conf", "conf/config.yaml"])
def test_missing_conf_is_told(gone: str) -> None:
    """Outside a project the message says where to run."""
    Path(gone).rename("elsewhere")

    with pytest.raises(ConfigError, match=r"expected conf/config\.yaml, found none"):
        compose.compose()


def test_params_are_written_the_same_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two folders give the same bytes, and reading them gives the same values."""
    compose.main()
    first = PARAMS.read_bytes()
    other = tmp_path / "other"
    shutil.copytree("conf", other / "conf")
    monkeypatch.chdir(other)
    compose.main()

    assert first == PARAMS.read_bytes()
    assert compose.compose() == schema.load()


def test_unchanged_params_are_not_touched() -> None:
    """Composing the same values leaves the file and its time alone."""
    compose.main()
    before = PARAMS.stat()
    compose.main()

    assert (before.st_mtime_ns, before.st_ino) == (PARAMS.stat().st_mtime_ns, PARAMS.stat().st_ino)


def test_env_exp_and_set_act(monkeypatch: pytest.MonkeyPatch) -> None:
    """The three variables decide; empty ones count as not set."""
    for name, value in (("ENV", "qa"), ("EXP", "version"), ("SET", "training.epochs=3")):
        monkeypatch.setenv(name, value)
    compose.main()
    chosen = schema.load()
    for name in ("ENV", "EXP", "SET"):
        monkeypatch.setenv(name, "")
    compose.main()

    assert (chosen.environment, chosen.training.epochs, chosen.model.version) == ("qa", 3, "v3.0")
    assert compose.compose("dev", "default") == schema.load()


def test_refused_configuration_leaves_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake changes nothing on disk."""
    compose.main()
    before = PARAMS.read_bytes()
    monkeypatch.setenv("SET", "training.epochs=0")
    with pytest.raises(ConfigError):
        compose.main()

    assert before == PARAMS.read_bytes()


def test_interrupted_write_leaves_the_old_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Params.yaml is replaced whole; a run that dies before that leaves the old one."""
    compose.main()
    before = PARAMS.read_bytes()
    params = compose.compose("qa")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: sys.exit("killed"))
        with pytest.raises(SystemExit):
            compose.write(params)

    assert before == PARAMS.read_bytes()
    assert {"conf", "params.yaml", ".params.yaml.part"} == {path.name for path in Path().iterdir()}


def test_broken_params_are_written_anew() -> None:
    """What stood in params.yaml before cannot stop a composition."""
    PARAMS.write_bytes(b"\xff: [")
    compose.main()

    assert compose.compose() == schema.load()


def test_changed_data_is_a_changed_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash of local data stands in params.yaml, and stays when the data is not here."""
    monkeypatch.setenv("SET", "data.train_path=rows.csv")
    rows = Path("rows.csv")
    found = []
    for text in ("a", "bb"):
        rows.write_text(text, encoding="utf-8")
        compose.main()
        found.append((digest(rows), schema.load().snapshot.train))
    rows.unlink()
    compose.main()

    assert all(here == there for here, there in found)
    assert found[-1][0] == schema.load().snapshot.train


def test_dvc_experiment_is_checked_and_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside `dvc exp run` the file that DVC composed becomes what `compose` would have written."""
    compose.main()
    expected = PARAMS.read_bytes()
    values = yaml.safe_load(expected)
    values.pop("snapshot")
    PARAMS.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    monkeypatch.setenv("DVC_EXP_NAME", "bold-name")
    monkeypatch.setenv("ENV", "qa")
    compose.main()

    assert expected == PARAMS.read_bytes()


def test_mistake_in_a_dvc_experiment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What DVC composed is checked like everything else, and SET is refused beside -S."""
    compose.main()
    PARAMS.write_text(PARAMS.read_text("utf-8").replace("epochs: 6", "epochs: 0"), encoding="utf-8")
    monkeypatch.setenv("DVC_EXP_NAME", "bold-name")
    with pytest.raises(ConfigError, match=r"params\.yaml:\d+: training\.epochs: .*\n.* -S: fix"):
        compose.main()

    monkeypatch.setenv("SET", "training.epochs=1")
    with pytest.raises(ConfigError, match="SET: expected -S key=value"):
        compose.main()


def test_dvc_experiment_keeps_committed_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC replaces params.yaml: the hash of absent data comes from Git."""
    params = compose.compose(overrides="data.train_path=gone.csv")
    hashed = params.snapshot.model_copy(update={"train": "abc"})
    compose.write(params.model_copy(update={"snapshot": hashed}))
    identity = ("-c", "user.name=x", "-c", "user.email=x")
    for words in (("init", "-q"), ("add", "params.yaml"), (*identity, "commit", "-qm", "x")):
        subprocess.run(["git", *words], check=True)
    compose.write(params)
    monkeypatch.setenv("DVC_EXP_NAME", "bold-name")
    compose.main()

    assert schema.load().snapshot.train == "abc"


def run_stage(code: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the stage as DVC does, and some code after it."""
    imports = "from mlops.core import errors; from mlops.pipeline import compose"
    command = f"{imports}; errors.run(compose.main); {code}"
    return subprocess.run(
        [sys.executable, "-c", command],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_mistake_ends_the_process_with_its_sentence() -> None:
    """A known error is one message and exit code 1, without a traceback."""
    found = run_stage(ENV="qaa")

    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("error: ENV: unknown environment 'qaa'; did you mean 'qa'")
    assert "Traceback" not in found.stderr
