"""Which experiment a branch trains, in real histories."""

import os
import subprocess
from pathlib import Path

import pytest

from clones import WHO
from mlops.core.errors import ConfigError
from mlops.pipeline import branch_experiment


class History:
    """A repository in which experiments are added, edited and merged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "-b", "main")

    def git(self, *arguments: str) -> None:
        """Run Git."""
        subprocess.run(
            ["git", *arguments], cwd=self.folder, env=WHO, check=True, capture_output=True
        )

    def update(self, *names: str) -> None:
        """Commit what a newer template brings: the release, and changes of its experiments."""
        with (self.folder / ".copier-answers.yml").open("a") as file:
            file.write("# newer\n")
        self.write(*names)

    def write(self, *names: str) -> None:
        """Commit a change of these experiments."""
        for name in names:
            path = self.folder / "conf" / "experiment" / f"{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as file:
                file.write("# changed\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", " ".join(names) or "other")

    def branch(self, name: str, start: str = "main") -> None:
        """Start a branch."""
        self.git("checkout", "--quiet", "-b", name, start)

    def merge(self, into: str, name: str) -> None:
        """Merge as the guide does."""
        self.git("checkout", "--quiet", into)
        self.git("merge", "--quiet", "--no-ff", "--message", f"merge {name}", name)


@pytest.fixture(name="history")
def _history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    """A template's first commit: several experiments at once."""
    monkeypatch.chdir(tmp_path)
    found = History(tmp_path)
    found.write("default", "bert", "xlnet")
    found.branch("qa")
    return found


def test_a_new_project_trains_the_default(history: History) -> None:
    """A commit of many experiments chooses none."""
    assert branch_experiment.selected() == "default"


def test_a_branch_trains_what_was_added_on_it(history: History) -> None:
    """And goes on with it when something else changes."""
    history.branch("feature/a")
    history.write("a")
    history.write()

    assert branch_experiment.selected() == "a"


ODD = (
    "my own", "$(touch pwned)", "$(shell touch pwned)", "`x`", "a;b", "a\nLD_PRELOAD=x", '"q"',
    "it's", "-x", "prüfung", "a\\b", ".hidden", "a#b", "::error::x",
)  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_is_refused_and_not_passed_over(
    name: str, history: History, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Committed, not yet committed, or given: CI would hand it to make and the shell."""
    history.write("a")
    (history.folder / "conf" / "experiment" / f"{name}.yaml").write_text("# new\n")

    with pytest.raises(ConfigError, match="rename its file, with letters"):
        branch_experiment.main()
    history.write(name)
    with pytest.raises(ConfigError, match="rename its file, with letters") as told:
        branch_experiment.main()
    assert "\n" not in str(told.value)
    history.write("a")
    branch_experiment.main()
    assert capsys.readouterr().out == "a\n"
    monkeypatch.setenv("EXP", name)
    with pytest.raises(ConfigError, match="rename its file, with letters"):
        branch_experiment.main()


def test_a_name_that_is_no_utf_8_is_refused(history: History) -> None:
    """Git tells bytes."""
    (history.folder / "conf" / "experiment" / os.fsdecode(b"caf\xe9.yaml")).write_text("# new\n")

    with pytest.raises(ConfigError, match="rename its file"):
        branch_experiment.main()


def test_names_of_a_commit_of_several_are_told_in_one_line(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line of a log may be a command to CI."""
    history.write("a\n::error::b", "c")

    branch_experiment.main()

    told = capsys.readouterr()
    assert told.out == "default\n"
    assert told.err.count("\n") == 1


def test_a_merge_takes_the_experiment_along(history: History) -> None:
    """From the feature to qa, from qa to main; main had another one before."""
    history.branch("feature/a")
    history.write("a")
    history.merge("qa", "feature/a")
    history.git("checkout", "--quiet", "main")

    assert branch_experiment.selected() == "default"

    history.merge("main", "qa")

    assert branch_experiment.selected() == "a"


def test_of_two_features_the_one_merged_last_counts(history: History) -> None:
    """On qa, and on main where both arrive in one merge; not the younger commit."""
    history.branch("feature/a", "qa")
    history.branch("feature/b", "qa")
    history.git("checkout", "--quiet", "feature/a")
    history.write("a")
    history.git("checkout", "--quiet", "feature/b")
    history.write("b")
    history.merge("qa", "feature/b")
    history.merge("qa", "feature/a")

    assert branch_experiment.selected() == "a"

    history.merge("main", "qa")

    assert branch_experiment.selected() == "a"


def test_a_change_of_all_experiments_chooses_none(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key that is renamed everywhere does not change what is live."""
    history.branch("feature/a")
    history.write("a")
    history.write("a", "bert", "xlnet")

    assert branch_experiment.selected() == "a"
    assert "chooses none" in capsys.readouterr().err


def test_an_update_from_the_template_chooses_none(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the template changes in its own experiment goes into none of fifty productions."""
    history.write("mine")
    history.branch("template-update", "qa")
    history.update("default")

    assert branch_experiment.selected() == "mine"

    history.merge("qa", "template-update")

    assert branch_experiment.selected() == "mine"
    assert capsys.readouterr().err == ""


def test_an_update_beside_an_experiment_leaves_it_chosen(history: History) -> None:
    """Where both arrive in one merge."""
    history.branch("feature/a")
    history.write("a")
    history.update("default")
    history.merge("qa", "feature/a")

    assert branch_experiment.selected() == "a"


def test_an_update_that_is_not_committed_yet_chooses_none(history: History) -> None:
    """`make update` composes params.yaml for what the branch trains."""
    history.update()
    history.write("mine")
    for name in (".copier-answers.yml", "conf/experiment/default.yaml"):
        with (history.folder / name).open("a") as file:
            file.write("# newer\n")

    assert branch_experiment.selected() == "mine"


def test_a_deleted_experiment_is_not_trained(history: History) -> None:
    """The one before it is."""
    history.write("a")
    history.write("b")
    history.git("rm", "--quiet", "conf/experiment/b.yaml")
    history.git("commit", "--quiet", "--message", "delete b")

    assert branch_experiment.selected() == "a"


def test_exp_says_otherwise(
    history: History, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A variable of CI pins the experiment."""
    monkeypatch.setenv("EXP", "bert")

    branch_experiment.main()

    assert capsys.readouterr().out == "bert\n"


def test_half_a_history_is_refused(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shallow clone would tell whatever its only commit holds."""
    history.write("a")
    shallow = tmp_path / "shallow"
    history.git("clone", "--quiet", "--depth", "1", f"file://{tmp_path}", str(shallow))
    monkeypatch.chdir(shallow)

    with pytest.raises(ConfigError, match="shallow"):
        branch_experiment.selected()


def test_what_is_not_committed_yet_counts_as_the_next_commit(history: History) -> None:
    """So that what is committed beside it can be composed for it already."""
    path = history.folder / "conf" / "experiment" / "new.yaml"
    path.write_text("# new\n")

    assert branch_experiment.selected() == "new"

    history.git("add", "--all")

    assert branch_experiment.selected() == "new"

    path.with_name("newer.yaml").write_text("# as well\n")

    assert branch_experiment.selected() == "default"


def test_a_merge_in_conflict_chooses_what_comes_in(history: History) -> None:
    """As it will when it is committed; of several experiments the last one of that branch."""
    for name, experiments in (("feature/a", ("a",)), ("feature/b", ("c", "b"))):
        history.branch(name)
        for experiment in experiments:
            (history.folder / "dvc.lock").write_text(name)
            history.write(experiment)
    history.merge("qa", "feature/a")
    merge = ["git", "merge", "--no-ff", "feature/b"]
    done = subprocess.run(merge, cwd=history.folder, env=WHO, capture_output=True, check=False)

    assert done.returncode
    assert branch_experiment.selected() == "b"
