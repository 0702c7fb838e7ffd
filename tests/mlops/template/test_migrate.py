"""Renamed keys: in files, and in what is said of them."""

import re
import shutil
from pathlib import Path

import pytest

from clones import call
from common import ROOT, composed
from mlops.config import renamed
from mlops.config.renamed import migrated
from mlops.core.errors import ConfigError
from mlops.pipeline import branch_experiment
from mlops.pipeline.compose import compose
from mlops.template import migrate


@pytest.fixture(autouse=True)
def _renamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that a release has renamed: a value, one of the model's, a section."""
    for old, new in {
        "training.lr": "learning_rate",
        "model.kind": "architecture",
        "gates": "gate",
    }.items():
        monkeypatch.setitem(renamed.RENAMED, old, new)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (
            "experiment/x.yaml",
            "# mine\ntraining:   # fast\n  lr:  1e-3   # lr: tried\n  epochs: 2\n",
            "# mine\ntraining:   # fast\n  learning_rate:  1e-3   # lr: tried\n  epochs: 2\n",
        ),
        ("experiment/x.yaml", "model: {kind: custom}\n", "model: {architecture: custom}\n"),
        ("model/x.yaml", "kind: custom\nlr: 1\n", "architecture: custom\nlr: 1\n"),
        ("env/x.yaml", "gates:\n  min_rows: 1\n", "gate:\n  min_rows: 1\n"),
        ("env/x.yaml", "evaluate:\n  lr: 1\n", "evaluate:\n  lr: 1\n"),
    ],
    ids=["comments stay", "one line", "a model's own file", "a section", "same name elsewhere"],
)
def test_only_the_key_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, before: str, after: str
) -> None:
    """Comments, spaces, values and keys of the same name elsewhere stay as they are."""
    monkeypatch.chdir(tmp_path)
    path = Path("conf", name)
    path.parent.mkdir(parents=True)
    path.write_text(before)

    assert migrated(path) == after


def test_an_old_key_is_told_with_its_new_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a branch that is merged after the update."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "experiment" / "x.yaml").write_text("training:\n  lr: 0.1\n")

    with pytest.raises(
        ConfigError, match=r"x\.yaml:2: training\.lr: was renamed; write learning_r"
    ):
        compose("dev", "x")


def test_what_follows_from_conf_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Composed values, DVC's remotes, the editors' schemas as committed; ends of lines stay."""
    follows = (".dvc/config", "params.yaml", "conf/schema/config.json", "conf/schema/model.json")
    shutil.copytree(ROOT / "conf", tmp_path / "conf", ignore=shutil.ignore_patterns("schema"))
    (tmp_path / ".dvc").mkdir()
    shutil.copy(ROOT / ".dvc/config", tmp_path / ".dvc")
    before = composed(tmp_path)
    before.write_text(before.read_text() + "stale: true\n")
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("EXP", branch_experiment.selected())  # whose params.yaml is committed
    monkeypatch.chdir(tmp_path)
    crlf = Path("conf/experiment/mine.yaml")
    crlf.write_bytes(b"training:\r\n  lr: 0.1\r\n")
    Path("conf/experiment/other.yaml").write_bytes(b"training:\r\n  epochs: 2\r\n")
    migrate.main()

    assert re.findall(r"(.*): keys renamed", capsys.readouterr().out) == [str(crlf)]
    assert crlf.read_bytes() == b"training:\r\n  learning_rate: 0.1\r\n"
    assert [Path(name).read_text() for name in follows] == [
        (ROOT / name).read_text() for name in follows
    ], "a file is not what follows from conf/ (a run with SET, ENV or EXP?); make migrate"


def test_the_experiment_that_the_branch_trains_is_composed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an update a project with an experiment of its own has that one in params.yaml still."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / ".dvc").mkdir()
    shutil.copy(ROOT / ".dvc/config", tmp_path / ".dvc")
    monkeypatch.chdir(tmp_path)
    call(tmp_path, "git", "init", "--quiet")
    call(tmp_path, "git", "add", "--all")
    call(tmp_path, "git", "commit", "--quiet", "--message", "New project")
    mine = Path("conf/experiment/mine.yaml")
    mine.write_text("training:\n  epochs: 77\n")
    migrate.main()

    assert "epochs: 77\n" in Path("params.yaml").read_text()
