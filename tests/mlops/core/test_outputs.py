"""Rules of mlops.core.outputs."""

from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.core import outputs


def write_table(path: Path, table: pa.Table) -> None:
    """Write a whole table."""
    with outputs.TableWriter(path, table.schema) as writer:
        writer.write(table.to_batches())


def test_a_folder_appears_when_its_block_has_succeeded(tmp_path: Path) -> None:
    """Nobody sees a folder that is still being written."""
    with outputs.folder(tmp_path / "raw") as folder:
        (folder / "a").touch()
        assert not (tmp_path / "raw").exists()

    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_a_failure_leaves_neither_old_nor_half_a_folder(tmp_path: Path) -> None:
    """What a failed stage would have replaced is gone: nobody mistakes it for its result."""
    (tmp_path / "raw").mkdir()
    with pytest.raises(IsADirectoryError), outputs.folder(tmp_path / "raw") as folder:
        folder.write_text("half")

    assert list(tmp_path.iterdir()) == []


def test_what_a_kill_left_does_not_reach_the_next_result(tmp_path: Path) -> None:
    """A stale temporary folder is emptied first."""
    (tmp_path / "raw.partial").mkdir()
    (tmp_path / "raw.partial" / "stale").touch()
    with outputs.folder(tmp_path / "raw") as folder:
        (folder / "a").touch()

    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["a"]


def test_json_is_sorted_and_readable(tmp_path: Path) -> None:
    """Keys are sorted, and letters stay letters."""
    outputs.write_json(tmp_path / "reports" / "x.json", {"b": "é", "a": 1})

    text = (tmp_path / "reports" / "x.json").read_text(encoding="utf-8")
    assert text == '{\n  "a": 1,\n  "b": "é"\n}\n'


@settings(max_examples=5)
@given(cuts=st.lists(st.integers(0, 30_000), max_size=5))
def test_bytes_do_not_depend_on_how_rows_arrive(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    """The same rows in other batches give the same file, over several groups and pages."""
    folder = tmp_path_factory.mktemp("bytes")
    table = pa.table({"text": [f"{n:0120}" for n in range(30_000)]})
    borders = [0, *sorted(cuts), 30_000]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outputs, "ROWS", 20_000)
        write_table(folder / "whole", table)
        with outputs.TableWriter(folder / "cut", table.schema) as writer:
            for start, end in pairwise(borders):
                writer.write(table.slice(start, end - start).to_batches())

    assert (folder / "whole").read_bytes() == (folder / "cut").read_bytes()


def test_bytes_do_not_depend_on_the_metadata_of_the_source(tmp_path: Path) -> None:
    """What pandas or Hugging Face noted beside a table is no part of its rows."""
    table = pa.table({"text": ["a"]})
    write_table(tmp_path / "plain", table)
    noted = pa.schema(
        [pa.field("text", pa.string(), metadata={"id": "1"})], metadata={"pandas": "x"}
    )
    with outputs.TableWriter(tmp_path / "noted", noted) as writer:
        writer.write(table.cast(noted).to_batches())

    assert (tmp_path / "plain").read_bytes() == (tmp_path / "noted").read_bytes()


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    """A split may be empty; prepare judges that."""
    write_table(tmp_path / "none", pa.table({"text": pa.array([], pa.large_string())}))

    assert pq.read_table(tmp_path / "none").schema == pa.schema([("text", pa.string())])


def test_the_two_kinds_of_text_give_the_same_bytes(tmp_path: Path) -> None:
    """Arrow's texts of 32 and of 64 bits: which one comes is the source's affair."""
    for kind in (pa.string(), pa.large_string()):
        schema = pa.schema([("text", kind)])
        with outputs.TableWriter(tmp_path / f"{kind}", schema) as writer:
            writer.write([pa.record_batch([pa.array(["a", "b"], kind)], schema=schema)])

    assert (tmp_path / "string").read_bytes() == (tmp_path / "large_string").read_bytes()
