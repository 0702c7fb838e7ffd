"""Rules of mlops.tables.readers.formats."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml import project as plug
from mlops.core.errors import DataError
from mlops.tables.readers import formats, jsonlines, shards


def rows(path: Path) -> list[dict[str, Any]]:
    """Read a file."""
    [shard] = shards.find(str(path), ())
    reader = formats.reader([shard])
    return [row for b in reader.batches(shard, reader.schema(shard)) for row in b.to_pylist()]


@pytest.mark.parametrize(
    "name", ["a.csv", "a.JSONL", "a.ndjson.gz", "a.json", "a.tsv", "a.parquet"]
)
def test_the_name_tells_the_format(tmp_path: Path, name: str) -> None:
    """Upper case and packing do not matter."""
    shard = shards.Shard(None, str(tmp_path / name), name)

    assert type(formats.reader([shard])) is type(formats.FORMATS[shard.suffix])


def test_a_project_adds_a_format(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By what its plug hands over."""
    own = jsonlines.JsonLines()
    monkeypatch.setattr(plug, "formats", lambda: {".txt": own})

    assert formats.reader([shards.Shard(None, str(tmp_path / "a.txt"), "a.txt")]) is own


@pytest.mark.parametrize("name", ["a.txt", "a.xlsx", "a", "a.csv.zst"])
def test_an_unknown_format_is_refused(name: str) -> None:
    """The error tells the known ones."""
    with pytest.raises(DataError, match=r"no known format; expected \.csv, \.tsv, \.jsonl"):
        formats.reader([shards.Shard(None, name, name)])


def test_a_folder_holds_one_format() -> None:
    """Else the same rows may be there twice, as CSV and as Parquet."""
    mixed = [shards.Shard(None, name, name) for name in ("a.csv", "b.csv.gz", "c.parquet")]

    with pytest.raises(DataError, match=r"must hold one format, found a\.csv and c\.parquet"):
        formats.reader(mixed)


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    """A dictionary becomes the values that it holds."""
    table = pa.table({"text": pa.array(["a"]).dictionary_encode(), "label": [1], "day": [1.5]})
    pq.write_table(table, tmp_path / "a.parquet")
    [shard] = shards.find(str(tmp_path / "a.parquet"), ())

    assert [str(kind) for kind in formats.Parquet().schema(shard).types] == [
        "string",
        "int64",
        "double",
    ]


def test_broken_parquet_is_told(tmp_path: Path) -> None:
    """No Parquet at all, a cut file, and bytes that were changed."""
    pq.write_table(pa.table({"text": ["abc"] * 99}), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    for content in (b"text,label\n", whole[:-20], whole[:4] + b"\xff" * 40 + whole[44:]):
        (tmp_path / "a.parquet").write_bytes(content)
        with pytest.raises(DataError, match=r"a\.parquet cannot be read .* is it complete"):
            rows(tmp_path / "a.parquet")


def test_parquet_whose_text_is_not_utf8_is_told(tmp_path: Path) -> None:
    """Arrow would hand on the wrong bytes; the row is named."""
    wrong = pa.array([b"a"] * 20_000 + [b"caf\xe9"])
    text = pa.Array.from_buffers(pa.string(), len(wrong), wrong.buffers())
    pq.write_table(pa.table({"text": text}), tmp_path / "a.parquet")

    with pytest.raises(DataError, match=r"a\.parquet, row 20001: not UTF-8"):
        rows(tmp_path / "a.parquet")
