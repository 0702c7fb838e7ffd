"""Rules of mlops.pipeline.refresh, on fsspec's store in memory."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import ingest
from mlops.config.schema import Params
from mlops.core.errors import DataError
from mlops.pipeline import refresh
from mlops.pipeline.snapshot import taken
from mlops.tables import pins, splits
from mlops.tables.pins import LOCK
from mlops.tracking.provenance import rows_changed

Make = Callable[..., Params]
URL = "memory://refresh/rows"
KEYS = st.lists(st.integers(0, 5), max_size=20)


def put(name: str, *rows: str) -> None:
    """Write a remote file of rows, each a text whose label is its first letter."""
    with fsspec.open(f"{URL}/{name}", "w") as file:
        file.write("text,label\n" + "".join(f"{row},{row[0]}\n" for row in rows))


@pytest.fixture(name="train")
def _train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_params: Make) -> Params:
    """A configuration that trains on a remote folder, val and test from elsewhere."""
    monkeypatch.chdir(tmp_path)
    memory = fsspec.filesystem("memory")
    if memory.exists("/refresh"):
        memory.rm("/refresh", recursive=True)
    put("a.csv", "a one", "b two", "b two")
    put("b.csv", "a three", "b four")
    others = {"val_path": "val.csv", "test_path": "test.csv"}
    for name in others.values():
        Path(name).write_text("text,label\nx,a\n", encoding="utf-8")
    return make_params(data={"train_path": URL, **others})


@given(one=KEYS, other=KEYS)
def test_a_surplus_counts_what_is_there_more_often(one: list[int], other: list[int]) -> None:
    """As the difference of two multisets."""
    found = refresh.surplus(np.array(one, np.uint64), np.array(other, np.uint64))

    assert found == (Counter(one) - Counter(other)).total()


def test_a_new_source_is_pinned_once(train: Params) -> None:
    """After that composing looks at nothing, whatever becomes of the source."""
    first = taken(train, {}).snapshot
    fsspec.filesystem("memory").rm("/refresh", recursive=True)

    assert first.train == pins.load()[URL].fingerprint
    assert first.changes is None
    assert taken(train, {}).snapshot == first


def test_an_unchanged_source_stays_as_it_is(train: Params) -> None:
    """A refresh without news changes no value and no file."""
    first = taken(train, {}).snapshot
    text = LOCK.read_text()

    assert taken(train, {}, refresh=True).snapshot == first
    assert LOCK.read_text() == text


def test_added_rows_are_counted_from_the_new_file_alone(train: Params) -> None:
    """What lies in both snapshots need not be read, so nothing of before is needed."""
    before = taken(train, {}).snapshot.train
    put("c.csv", "a one", "a five", "b six")
    found = taken(train, {}, refresh=True).snapshot

    assert found.train != before
    assert found.changes is not None
    assert found.changes["train"].model_dump() == {
        "previous": before, "added": {"a": 2, "b": 1}, "removed": {},
    }  # fmt: skip
    assert rows_changed(found) == {"data.rows_added": 3, "data.rows_removed": 0}


def test_a_changed_file_is_compared_with_the_rows_of_the_last_run(train: Params) -> None:
    """Moved rows are no news; one of two equal rows that goes is one row removed."""
    run_ingest(taken(train, {}))
    put("a.csv", "b four", "a one", "b two")
    put("b.csv", "a three", "a seven")
    changes = taken(train, {}, refresh=True).snapshot.changes

    assert changes is not None
    assert (changes["train"].added, changes["train"].removed) == ({"a": 1}, {"b": 1})


@pytest.mark.parametrize("how", ["nobody has them", "read in another way", "of another snapshot"])
def test_rows_that_cannot_be_compared_are_not_counted(train: Params, how: str) -> None:
    """Then the figures are unknown, not wrong."""
    first = taken(train, {})
    data: dict[str, Any] = {"label_column": "text", "text_column": "label"}
    if how == "read in another way":
        run_ingest(first.model_copy(update={"data": train.data.model_copy(update=data)}))
    elif how == "of another snapshot":
        run_ingest(first)
        put("a.csv", "a one")
        taken(train, {}, refresh=True)
    put("a.csv", "a two")
    found = taken(train, {}, refresh=True).snapshot

    assert found.changes is not None
    assert found.changes["train"].added is None
    assert rows_changed(found) == {}


def test_changes_are_counted_for_each_split(train: Params) -> None:
    """Where val and test are split off, by the same hash as in ingest."""
    split = {"val_path": None, "test_path": None}
    params = train.model_copy(update={"data": train.data.model_copy(update=split)})
    put("a.csv", *[f"a {n}" for n in range(300)])
    old = run_ingest(taken(params, {}))
    put("a.csv", *[f"a {n}" for n in range(100, 450)])
    now = taken(params, {}, refresh=True)
    new = run_ingest(now)

    changes = now.snapshot.changes
    assert changes is not None
    for name in ("train", "val", "test"):
        change = changes[name]
        assert change.added
        assert change.removed
        assert sum(change.added.values()) - sum(change.removed.values()) == new[name] - old[name]
    assert rows_changed(now.snapshot) == {"data.rows_added": 150, "data.rows_removed": 100}


def test_figures_hold_for_the_settings_they_were_counted_under(train: Params) -> None:
    """Other columns or shares make other rows of the same files."""
    taken(train, {})
    put("c.csv", "a five")
    taken(train, {}, refresh=True)
    other = train.data.model_copy(update={"test_path": None})

    assert taken(train, {}).snapshot.changes is not None
    assert taken(train.model_copy(update={"data": other}), {}).snapshot.changes is None


def test_ingest_refuses_what_params_do_not_stand_for(train: Params) -> None:
    """A lock file of another commit than params.yaml is no pin."""
    first = taken(train, {})
    put("c.csv", "a five")
    taken(train, {}, refresh=True)

    with pytest.raises(DataError, match=r"sources\.lock pins another state of"):
        run_ingest(first)
    LOCK.unlink()
    with pytest.raises(DataError, match=r"sources\.lock does not have"):
        run_ingest(first)


def test_a_file_that_changes_while_it_is_read_is_refused(
    train: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the old and half of the new rows are no snapshot."""
    params = taken(train, {})
    written = splits.split

    def meanwhile(*arguments: Any) -> dict[str, int]:
        rows = written(*arguments)
        put("a.csv", "a other")
        return rows

    monkeypatch.setattr(ingest, "split", meanwhile)
    with pytest.raises(DataError, match=r"a\.csv .*, expected"):
        run_ingest(params)
    assert not Path("data/raw").exists()


def run_ingest(params: Params) -> dict[str, int]:
    """Run the stage; return the rows of each split."""
    Path("params.yaml").write_text(params.model_dump_json(), encoding="utf-8")
    ingest.main()
    import json  # noqa: PLC0415

    rows: dict[str, int] = json.loads(Path("data/raw/source.json").read_text())["rows"]
    return rows
