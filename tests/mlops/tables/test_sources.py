"""Rules of mlops.tables.sources."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.config import Params
from mlops.core.errors import DataError
from mlops.tables import sources
from mlops.tables.pins import Role

Make = Callable[..., Params]


@pytest.fixture(name="read")
def _read(make_params: Make) -> Callable[..., list[dict[str, Any]]]:
    """Return a function that reads a source as a list of rows."""

    def read(path: Path | str, role: Role = "train", **data: Any) -> list[dict[str, Any]]:
        source = sources.read(str(path), role, make_params(data=data).data)
        return [row for batch in source.batches for row in batch.to_pylist()]

    return read


Read = Callable[..., list[dict[str, Any]]]


@pytest.fixture(name="hub")
def _hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Hugging Face data set in a folder, with class names; the cache is a folder of the test."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    folder = tmp_path / "hub"
    folder.mkdir()
    for split in ("train", "validation", "test"):
        lines = f"text,label\n{split},1\nb,0\nc,-1\n"
        (folder / f"{split}.csv").write_text(lines)
    names = "{name: label, dtype: {class_label: {names: {'0': neg, '1': pos}}}}"
    card = f"---\ndataset_info:\n  features: [{{name: text, dtype: string}}, {names}]\n---\n"
    (folder / "README.md").write_text(card)
    return folder


def test_the_synthetic_corpus_has_the_columns_of_its_grammar(read: Read) -> None:
    """Kind and negation become slices of the evaluation."""
    rows = read("synthetic", synthetic_rows=120)

    assert len(rows) == 120
    assert list(rows[0]) == ["text", "label", "kind", "negated"]


def test_shards_may_differ_in_their_columns(tmp_path: Path, read: Read) -> None:
    """What a shard does not have is null; the order of columns is that of the first."""
    (tmp_path / "1.csv").write_text("text,label\na,x\n")
    (tmp_path / "2.csv").write_text("label,note,text\ny,n,b\n")

    assert read(tmp_path) == [
        {"text": "a", "label": "x", "note": None},
        {"text": "b", "label": "y", "note": "n"},
    ]


def test_parquet_shards_may_differ_in_width(tmp_path: Path, read: Read) -> None:
    """A column of nulls and a narrower number fit the wider type."""
    first = {"text": pa.array(["a"]).dictionary_encode(), "label": pa.array([1], pa.int8())}
    pq.write_table(pa.table(first), tmp_path / "1.parquet")
    pq.write_table(pa.table({"text": pa.nulls(1), "label": [2]}), tmp_path / "2.parquet")

    assert read(tmp_path) == [{"text": "a", "label": 1}, {"text": None, "label": 2}]


def test_shards_must_agree_in_their_kind(tmp_path: Path, read: Read) -> None:
    """A text in one and a number in the other is a mistake of their writer."""
    pq.write_table(pa.table({"text": ["a"], "label": [1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"text": ["a"], "label": [[1]]}), tmp_path / "2.parquet")

    with pytest.raises(DataError, match=r"the files of .* differ in a type: .*label"):
        read(tmp_path)


def test_a_missing_column_is_told_with_those_that_are_there(tmp_path: Path, read: Read) -> None:
    """The nearest name is proposed, and the key to set."""
    (tmp_path / "a.csv").write_text("txt,label\na,x\n")

    with pytest.raises(
        DataError, match=r"no column 'text' \(did you mean 'txt'\?\); it has 'txt', 'l"
    ):
        read(tmp_path / "a.csv")


def test_a_column_that_one_shard_misses_is_told(tmp_path: Path, read: Read) -> None:
    """Its rows would be without label, not without column."""
    (tmp_path / "1.csv").write_text("text,label\na,x\n")
    (tmp_path / "2.csv").write_text("text,labl\nb,y\n")

    with pytest.raises(DataError, match=r"2\.csv has no column 'label' \(did you mean 'labl'\?\)"):
        read(tmp_path)


def test_two_columns_of_one_name_are_refused(tmp_path: Path, read: Read) -> None:
    """Nobody knows which was meant."""
    (tmp_path / "a.csv").write_text("text,text,label\na,b,x\n")

    with pytest.raises(DataError, match="has two columns called 'text'"):
        read(tmp_path / "a.csv")


def test_text_and_label_are_two_columns(tmp_path: Path, read: Read) -> None:
    """A label that is its own text would be learned perfectly."""
    (tmp_path / "a.csv").write_text("text,label\na,x\n")

    with pytest.raises(DataError, match="'text' is both data"):
        read(tmp_path / "a.csv", label_column="text")


@pytest.mark.parametrize(
    ("role", "first"), [("train", "train"), ("val", "validation"), ("test", "test")]
)
def test_a_role_takes_its_split(hub: Path, read: Read, role: Role, first: str) -> None:
    """Classes have their names; -1, which the hub writes for unknown, is null."""
    assert read(f"hf:{hub}", role) == [
        {"text": first, "label": "pos"},
        {"text": "b", "label": "neg"},
        {"text": "c", "label": None},
    ]


def test_another_split_can_be_named(hub: Path, read: Read) -> None:
    """A data set without a validation split may lend a part of another."""
    assert [row["text"] for row in read(f"hf:{hub}#test[:1]", "val")] == ["test"]


@pytest.mark.parametrize("form", ["Dataset", "DatasetDict"])
def test_what_save_to_disk_wrote_is_read(tmp_path: Path, read: Read, form: str) -> None:
    """As `hf:<folder>`; the folder alone says so."""
    rows = datasets.Dataset.from_dict({"text": ["a"], "label": ["x"]})
    folder = tmp_path / "saved"
    (rows if form == "Dataset" else datasets.DatasetDict(train=rows)).save_to_disk(folder)

    assert read(f"hf:{folder}") == [{"text": "a", "label": "x"}]
    with pytest.raises(DataError, match=rf"save_to_disk.*name it hf:{folder}"):
        read(folder)


@pytest.mark.parametrize(
    ("ending", "reason"),
    [("#dev", 'Unknown split "dev"'), (":small", "BuilderConfig 'small' not found")],
)
def test_a_wrong_split_or_configuration_is_told(
    hub: Path, read: Read, ending: str, reason: str
) -> None:
    """The library knows what there is."""
    with pytest.raises(DataError, match=reason):
        read(f"hf:{hub}{ending}")


def test_a_hub_that_cannot_be_reached_is_told(read: Read) -> None:
    """The error tells what to check and the way without a hub."""
    with pytest.raises(DataError, match=r"hub cannot be reached .*HF_HUB_OFFLINE.*hf:<folder>"):
        read("hf:nobody/nothing:plain@main")


@pytest.mark.parametrize("path", ["hf:", "hf:a@", "hf:a#"])
def test_a_malformed_name_is_told(read: Read, path: str) -> None:
    """The error shows the form."""
    with pytest.raises(DataError, match="expected hf:<name>"):
        read(path)
