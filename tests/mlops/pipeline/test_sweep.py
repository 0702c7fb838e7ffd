"""Rules of mlops.pipeline.sweep."""

import json
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import clones
from common import ROOT
from mlops.core.errors import ConfigError, ModelError
from mlops.pipeline import sweep

MINE, OTHER = "model: mine\n", "model: another\n"
STAGE = """
stages:
  train:
    cmd: mkdir -p models && cp params.yaml models/model
    deps: [params.yaml]
    outs: [models/model]
"""


@pytest.mark.parametrize(
    ("over", "tried"),
    [
        ("training.epochs=1,2", ["training.epochs=1", "training.epochs=2"]),
        ("training.epochs=range(1,3)", ["training.epochs=1", "training.epochs=2"]),
        (
            "model=tiny,gpt training.seed=0,1",
            [f"model={m} training.seed={n}" for m in ("tiny", "gpt") for n in "01"],
        ),
        ("data.labels=[a,b] training.seed=1", ["'data.labels=[a,b]' training.seed=1"]),
    ],
)
def test_each_combination_is_tried(over: str, tried: list[str]) -> None:
    """As Hydra writes a sweep; a list is one value."""
    assert sweep.combine(over) == tried


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ("", 'OVER: expected values to try in one environment, as in OVER="training.learning_rate'),
        ("env=dev,qa", "OVER: expected values to try in one environment"),
        ("training.epochs=1,,2", "OVER: training.epochs: expected values separated by commas"),
        ("training.epochs = 1", "OVER: expected key=value without spaces"),
    ],
)
def test_what_is_no_sweep_is_refused(over: str, said: str) -> None:
    """With what it looks like."""
    with pytest.raises(ConfigError, match=re.escape(said)):
        sweep.combine(over)


def test_what_is_printed_can_be_typed() -> None:
    """Without what is the default, quoted where a shell would take it for more."""
    best = sweep.command("qa", "default", "training.epochs=2 training.seed=1")
    odd = sweep.command("dev", "mine", "'data.train_path=a $b.csv'")

    assert sweep.typed(best) == 'make train ENV=qa SET="training.epochs=2 training.seed=1"'
    assert sweep.typed(odd).startswith("make train EXP=mine ")
    printed = f"printf '%s\\n' {sweep.typed(odd)}"
    told = subprocess.run(["sh", "-c", printed], text=True, capture_output=True, check=True).stdout
    assert told.splitlines()[-1] == odd[-1]


@pytest.fixture(name="repository")
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose model is its params.yaml."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text(STAGE)
    (tmp_path / "params.yaml").write_text(MINE)
    for words in ("git init -q", "dvc init -q"):
        subprocess.run(words.split(), check=True)
    return tmp_path


@pytest.mark.parametrize("trained", [True, False])
def test_the_work_tree_is_as_it_was(repository: Path, trained: bool) -> None:
    """Also where a run was stopped; where nothing was trained, nothing is."""
    repro = ["dvc", "repro", "--quiet"]
    if trained:
        subprocess.run(repro, check=True)
    lock = (repository / "dvc.lock").read_bytes() if trained else None

    with suppress(KeyboardInterrupt), sweep.restored():
        (repository / "params.yaml").write_text(OTHER)
        (repository / "sources.lock").write_text("new\n")
        subprocess.run(repro, check=True)
        assert (repository / "models/model").read_text() == OTHER
        raise KeyboardInterrupt

    left = {path.name: path.read_bytes() for path in repository.glob("*.lock")}
    model = repository / "models/model"
    assert (repository / "params.yaml").read_text() == MINE
    assert left == ({"dvc.lock": lock} if trained else {})
    assert (model.read_text() if model.exists() else None) == (MINE if trained else None)


def test_a_run_that_fails_does_not_stop_the_others(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The end names it; wrong values are refused before anything runs."""
    shutil.copytree(ROOT / "conf", repository / "conf")
    monkeypatch.setattr(sweep, "command", lambda *_: [sys.executable, "-c", "raise SystemExit(1)"])
    monkeypatch.setenv("OVER", "training.epochs=1,2")

    with pytest.raises(ModelError, match=r"2 of 2 runs failed.*: training.epochs=1; training.epo"):
        sweep.main()
    told = capfd.readouterr().out
    assert told.startswith("2 runs of default in dev, one after the other; a run that fails does")
    assert "[2 of 2] training.epochs=2" in told

    monkeypatch.setenv("OVER", "training.epochs=1,many")
    with pytest.raises(ConfigError, match=r"^OVER: training\.epochs: expected a whole number"):
        sweep.main()
    assert capfd.readouterr().out == ""


@pytest.mark.slow
def test_a_sweep_ends_with_its_table(tmp_path: Path) -> None:
    """As typed: the tree is as before, the printed command restores the best in moments."""
    project = clones.warmed(tmp_path / "project")
    clones.call(project, "make", "train")
    kept = ("params.yaml", "dvc.lock", "reports/metrics.json", "models/model/model.safetensors")
    before = [(project / name).read_bytes() for name in kept]

    text = clones.call(project, "make", "sweep", "OVER=training.learning_rate=1e-3,1e-5")
    (line,) = re.findall(r"make the best one current: (.*)", text)

    assert "2 runs of default in dev" in text
    assert len(re.findall(r"^[* ] [0-9a-f]{8}  default  .*learning_rate=", text, re.M)) == 2
    assert [(project / name).read_bytes() for name in kept] == before
    again = clones.call(project, "sh", "-c", line)
    assert "Running stage 'train'" not in again
    scores = re.findall(r"^\* [0-9a-f]{8}  default  +(\S+)", text, re.M)
    found = json.loads((project / "reports/metrics.json").read_text())["accuracy"]
    assert f"{found:.3f}" == scores[0]
