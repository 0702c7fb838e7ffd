"""Rules of mlops.lineage.chain and the table of mlops.lineage.show."""

from typing import Any, cast

import pytest
import yaml

import locks
from mlops.lineage import chain, show
from mlops.lineage.query import Store
from mlops.lineage.trace import Trace
from mlops.tracking.search import Run

VALUES = {
    "data": {"train_path": "rows.csv", "val_path": "synthetic", "synthetic_rows": 7},
    "snapshot": {"train": "5ha"},
}


class Shelf:
    """A store with the artifacts of one run."""

    def __init__(self, **files: str) -> None:
        self.files = {"dvc.lock": locks.text(), "params.yaml": yaml.safe_dump(VALUES)} | files

    def __str__(self) -> str:
        return "the store"

    def artifact(self, _run: Run, name: str) -> bytes | None:
        """Return a file."""
        return self.files[name].encode() if name in self.files else None


def found(run_id: str = "r1", **tags: str) -> Run:
    """Return a run with these tags, _ for a dot."""
    named = {name.replace("_", "."): value for name, value in tags.items()}
    return Run(run_id, "tiny-v0.1", "FINISHED", 1_000, named, {"test.accuracy": 0.91}, {})


def traced(*runs: Run, shelf: Shelf | None = None, **fields: Any) -> Trace:
    """Return a trace that leads to runs."""
    store = cast(Store, shelf or Shelf())
    return Trace("run r1", runs=tuple((store, run) for run in runs), **fields)


def row(trace: Trace, name: str) -> tuple[str, str]:
    """Return value and remark of the first row of this name."""
    return next((value, remark) for what, value, remark in chain.rows(trace) if what == name)


def test_the_chain_leads_to_the_source() -> None:
    """Hash after hash, and the hash of the file."""
    rows = chain.rows(traced(found()))
    names = [name for name, _, _ in rows]

    assert names[:6] == ["asked", "exported model", "model", "", "prepared data", "raw data"]
    assert row(traced(found()), "raw data") == ("md5 of data/raw", "data/raw")
    assert ("source", "rows.csv", "train: SHA-256 5ha") in rows
    assert ("source", "synthetic", "val: 7 rows, made here") in rows


def test_what_nobody_recorded_is_unknown() -> None:
    """For a run of an older version as for a model without a run, all rows are there."""
    whole = [name for name, _, _ in chain.rows(traced(found()))]
    bare = chain.rows(traced(found(), shelf=Shelf(**{"dvc.lock": "", "params.yaml": ""})))
    lost = chain.rows(Trace("model in the work tree"))

    for rows in (bare, lost):
        values = {name: value for name, value, _ in rows}
        assert set(values) == set(whole)
        for name in ("model", "raw data", "source", "commit", "who", "duration", "packages"):
            assert values[name] == "unknown"


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ({"git_dirty": "no"}, "clean"),
        ({"git_dirty": "yes", "git_diff": "code.diff"}, "uncommitted changes: code.diff"),
        ({"git_dirty": "yes"}, "uncommitted changes: unknown"),
        ({}, "unknown whether clean"),
    ],
)
def test_dirt_is_told(tags: dict[str, str], told: str) -> None:
    """And so is not knowing."""
    assert told in row(traced(found(git_commit="c0ffee", **tags)), "commit")[1]


def test_files_that_are_here_are_compared_with_the_record() -> None:
    """A Bento that holds another export than its run made is found out."""
    same = traced(found(), files={"models/serving": "md5 of models/serving"})
    other = traced(found(), files={"models/serving": "x"})

    assert row(same, "exported model")[1] == "models/serving here, as recorded"
    assert row(other, "exported model") == (
        "x", "models/serving here DIFFERS from the run's md5 of models/serving",
    )  # fmt: skip


def test_a_contradiction_within_a_run_is_told() -> None:
    """A tag that was changed later."""
    assert "CONTRADICTS itself" in row(traced(found(model_md5="x")), "model")[1]


def test_other_runs_of_the_same_bytes_are_listed() -> None:
    """Ten of them, and how many more there are."""
    others = [found(f"r{n}", git_commit="beef", restored="yes") for n in range(2, 15)]
    rows = [row for row in chain.rows(traced(found(), *others)) if row[0] == "same bytes"]

    assert rows[0] == ("same bytes", "r2", "the store, commit beef, restored")
    assert rows[-1] == ("same bytes", "3 more runs", "")
    assert len(rows) == 11


def test_the_machine_of_a_restored_model_is_not_called_its_trainers() -> None:
    """It only judged."""
    trace = traced(found(restored="yes", hardware_cpu="Xeon"))

    assert row(trace, "hardware") == ("Xeon", "where it was evaluated")
    assert "restored from a cache" in row(trace, "run")[1]


def test_columns_stand_below_each_other() -> None:
    """The last one is as long as it is."""
    assert show.table([("a", "bb", "c"), ("aaa", "b", "")]) == "a    bb  c\naaa  b\n"
