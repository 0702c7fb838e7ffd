"""The report of a pull request: what differs, and a real run beside its base (slow)."""

from pathlib import Path

import pytest

import clones
from mlops.ci import base, findings, markdown, review
from mlops.core.errors import LineageError, ServingError


def test_figures_are_paired() -> None:
    """What only one side has stays alone; what is no number is left out."""
    found = findings.figures({"a": 1, "b": 0.5, "text": "x"}, {"b": 0.75, "c": 2, "nested": {}})

    assert [(one.name, one.before, one.after) for one in found] == [
        ("a", 1.0, None),
        ("b", 0.5, 0.75),
        ("c", None, 2.0),
    ]


def test_values_that_differ_are_told_by_their_name() -> None:
    """Nested, new and gone ones; hashes of data are none."""
    found = findings.values(
        {"training": {"epochs": 2, "seed": 0}, "old": 1, "snapshot": {"train": "a"}},
        {"training": {"epochs": 3, "seed": 0}, "new": [1], "snapshot": {"train": "b"}},
    )

    assert [(one.name, one.before, one.after) for one in found] == [
        ("new", None, "[1]"),
        ("old", "1", None),
        ("training.epochs", "2", "3"),
    ]


def test_a_thousand_values_hide_no_bound_of_the_gate() -> None:
    """Gate and data come first, and what finds no room is counted."""
    many = {f"k{n:03}": "x" * 400 for n in range(1000)}
    old = {"deploy": {"build_options": {}}, "gate": {"min_accuracy": 0.8}}
    new = {"deploy": {"build_options": many}, "gate": {"min_accuracy": 0.1}}
    differ = findings.values(old, new)
    text = "\n".join(markdown._values(differ[: findings.MOST], len(differ) - findings.MOST))
    rows = [line for line in text.splitlines() if line.startswith("| <code>")]

    assert "gate.min_accuracy" in rows[0]
    assert f"**{1001 - len(rows)} more values**" in text
    assert len(text) < 32_000


def test_a_long_value_is_cut() -> None:
    """So that what a comment is made of has a bound."""
    assert len(findings.flat({"a": "x" * 9000})["a"]) <= 500


def test_minutes_are_those_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a laptop there is no job."""
    monkeypatch.delenv("CI_JOB_STARTED_AT", raising=False)
    assert review.minutes() == 0.0
    monkeypatch.setenv("CI_JOB_STARTED_AT", "2026-11-23T10:00:00Z")
    assert review.minutes() > 60


def test_nothing_trained_is_told(project: Path) -> None:
    """It compares what is there, and trains only the base."""
    assert project

    with pytest.raises(ServingError, match="make train ENV=dev"):
        review.main()


def test_a_base_that_nobody_knows_is_told() -> None:
    """With what to fetch."""
    with pytest.raises(LineageError, match="git fetch origin"):
        base.commit("origin/nowhere")


def test_data_that_a_clone_lacks_are_warned_of() -> None:
    """Above the figures: the reviewer's own CI could not make them."""
    found = findings.Findings(
        experiment="mine", base="default at qa", commit="abcdef0", target="qa", missing=None,
        minutes=1.0, warnings=["data.train_path: data/rows.csv is ignored by Git"], figures=[],
        values=[], gate=[], curve=findings.Curve(before=[], after=[]),
    )  # fmt: skip

    assert "**Warning:** data.train_path: data/rows.csv is ignored by Git\n" in markdown.render(
        found
    )


def changed(folder: Path) -> Path:
    """Return a clone with a small default experiment on qa, and larger batches on the branch."""
    project = clones.installed(folder)
    config = project / "conf" / "config.yaml"
    text = config.read_text().replace("epochs: 6", "epochs: 1")
    config.write_text(text.replace("synthetic_rows: 50000", "synthetic_rows: 6000"))
    clones.call(project, "git", "commit", "--quiet", "--all", "--message", "small")
    clones.call(project, "git", "branch", "qa")
    path = project / "conf" / "experiment" / "default.yaml"
    path.write_text(f"{path.read_text()}training:\n  batch_size: 64\n")
    clones.call(project, "git", "commit", "--quiet", "--all", "--message", "larger batches")
    return project


@pytest.mark.nightly
def test_a_change_is_set_beside_its_base(tmp_path: Path) -> None:
    """In a real clone: figures of both, the value that differs, the gate of the branch to come.

    The work tree and what it has trained stay as they are.
    """
    project = changed(tmp_path / "project")
    clones.call(project, "make", "train", SET="")
    lock = (project / "dvc.lock").read_bytes()

    told = clones.call(project, "make", "review", "BASE=qa", SET="")

    found = findings.read(project / findings.FILE)
    accuracy = next(one for one in found.figures if one.name == "accuracy")
    assert [(v.name, v.before, v.after) for v in found.values] == [
        ("training.batch_size", "32", "64")
    ]
    assert None not in (accuracy.before, accuracy.after)
    assert (found.target, found.missing, found.experiment) == ("qa", None, "default")
    assert "lead over the champion" in {one.name for one in found.gate}
    assert markdown.MARK in told
    assert (project / "dvc.lock").read_bytes() == lock
    assert "base-" not in clones.call(project, "git", "worktree", "list")
