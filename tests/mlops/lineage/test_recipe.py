"""Rules of mlops.lineage.recipe."""

import hashlib
from typing import cast

import pytest
import yaml

import locks
from mlops.core.errors import LineageError
from mlops.lineage import recipe
from mlops.lineage.query import Store
from mlops.lineage.trace import Trace
from mlops.tracking.search import Run

PATCH = "diff --git a/src/new.py b/src/new.py\n"
COMMIT = {"git.commit": "c0ffee"}
DIRTY = {
    "git.dirty": "yes",
    "git.diff": "code.diff",
    "git.diff.sha256": hashlib.sha256(PATCH.encode()).hexdigest(),
}


class Shelf:
    """A store with the artifacts of one run."""

    def __init__(self, files: dict[str, str]) -> None:
        params = yaml.safe_dump({"environment": "dev"})
        self.files = {"dvc.lock": locks.text(), "params.yaml": params, "code.diff": PATCH} | files

    def artifact(self, _run: Run, name: str) -> bytes | None:
        """Return a file."""
        return self.files[name].encode() if self.files.get(name) else None


def traced(tags: dict[str, str], **files: str) -> Trace:
    """Return a trace to a run with these tags, and files named with _ for a dot."""
    named = {name.replace("_", "."): text for name, text in files.items()}
    run = Run("r1", "tiny", "FINISHED", 0, tags, {}, {})
    return Trace("run r1", runs=((cast(Store, Shelf(named)), run),))


def test_a_clean_run_has_no_patch() -> None:
    """Whatever lies among its artifacts from an earlier, dirty state."""
    found = recipe.read(traced(COMMIT | {"git.dirty": "no"} | {"git.diff": "code.diff"}))

    assert (found.name, found.patch, found.values) == ("r1", b"", {"environment": "dev"})


def test_a_dirty_run_has_one() -> None:
    """As it was when the run was made."""
    assert recipe.read(traced(COMMIT | DIRTY)).patch == PATCH.encode()


def test_a_changed_patch_is_refused() -> None:
    """Nobody runs code that the run did not."""
    with pytest.raises(LineageError, match="changed after the run"):
        recipe.read(traced(COMMIT | DIRTY, code_diff="diff of somebody else"))


def test_a_withheld_patch_is_no_patch() -> None:
    """The verdict says so, should it matter."""
    assert (
        recipe.read(traced(COMMIT | {"git.dirty": "yes", "git.diff": "withheld: x"})).patch == b""
    )


@pytest.mark.parametrize(
    ("trace", "lacking"),
    [
        (traced({}), "git.commit"),
        (traced(COMMIT, params_yaml=""), "params.yaml"),
        (traced(COMMIT, dvc_lock=""), "dvc.lock"),
    ],
)
def test_what_a_run_lacks_is_told(trace: Trace, lacking: str) -> None:
    """Before anything is built."""
    with pytest.raises(LineageError, match=f"lacks {lacking}"):
        recipe.read(trace)


def test_records_that_contradict_each_other_are_refused() -> None:
    """There is nothing to compare with; no hour is spent."""
    with pytest.raises(LineageError, match=r"models/model is the first part that differs.*changed"):
        recipe.read(traced(COMMIT | {"model.md5": "x"}))


def test_a_model_without_a_run_is_told() -> None:
    """With the hash by which it was sought."""
    with pytest.raises(LineageError, match=r"abc.*MLFLOW_TRACKING_URI"):
        recipe.read(Trace("Bento x:1", {"model.sha256": "abc"}))


def test_reports_of_a_plain_repro_stand_for_themselves() -> None:
    """Its lock ends before they were made, but the run carries them."""
    files = {"dvc_lock": locks.text("train")}
    trace = traced(COMMIT, **files)
    cast(Shelf, trace.runs[0][0]).files["reports/metrics.json"] = "{}"
    found = recipe.read(trace).recorded

    assert found.hash("reports/metrics.json") == hashlib.md5(b"{}").hexdigest()
    assert found.hash("reports/predictions.parquet") == ""
