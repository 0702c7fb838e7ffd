"""Rules of ml.ingest."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml import ingest
from ml.config import Params
from mlops.config.schema import Data
from mlops.core.errors import DataError
from mlops.tables import columns, pins, sources
from mlops.tables import splits as tables

# All that a UTF-8 file can hold: halves of surrogate pairs cannot be encoded.
UNICODE = st.text(st.characters(codec="utf-8"))


@pytest.fixture(name="make_data", scope="module")
def _make_data(values: dict[str, Any]) -> Callable[..., Data]:
    """Return a function that makes the section `data`."""
    return lambda **data: Data.model_validate(values["data"] | data)


Make = Callable[..., Data]


def written(folder: Path, split: str = "train") -> list[dict[str, Any]]:
    """Return the rows of a split."""
    rows: list[dict[str, Any]] = pq.read_table(folder / f"{split}.parquet").to_pylist()
    return rows


def as_csv(texts: list[str]) -> bytes:
    """Write texts as CSV, everything quoted."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "label"), *((text, "x") for text in texts)])
    return file.getvalue().encode()


def as_jsonl(texts: list[str]) -> bytes:
    """Write texts as JSONL."""
    rows = ({"text": text, "label": "x"} for text in texts)
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_parquet(texts: list[str]) -> bytes:
    """Write texts as Parquet."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": texts, "label": ["x"] * len(texts)}), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


FILES = {"a.csv": as_csv, "a.jsonl": as_jsonl, "a.parquet": as_parquet}


@settings(max_examples=40)
@given(texts=st.lists(UNICODE, min_size=1, max_size=5))
def test_any_text_passes_unchanged(
    tmp_path_factory: pytest.TempPathFactory, make_data: Make, texts: list[str]
) -> None:
    """Every format gives every text in any script as it is, in its order."""
    folder = tmp_path_factory.mktemp("unicode")
    for name, encode in FILES.items():
        path = folder / name
        path.write_bytes(encode(texts))
        data = make_data(train_path=str(path))
        source = tables.standard(sources.read(str(path), "train", data), data)

        assert [row["text"] for batch in source.batches for row in batch.to_pylist()] == texts


@given(texts=st.lists(UNICODE, unique=True, max_size=30), extra=st.lists(UNICODE, max_size=10))
def test_a_text_keeps_its_split(texts: list[str], extra: list[str]) -> None:
    """Neither growth nor order of the data moves a row out of val or test, nor do larger shares."""
    splits = dict(zip(texts, tables.assign(pa.array(texts, pa.string()), 0.2, 0.2), strict=True))
    grown = [*extra, *reversed(texts)]
    again = dict(zip(grown, tables.assign(pa.array(grown, pa.string()), 0.4, 0.4), strict=True))

    assert all(again[text] == split for text, split in splits.items() if split != "train")


def test_texts_that_read_the_same_share_a_split() -> None:
    """Else normalising them would make a leak that the source does not have."""
    alike = [form.format(n) for n in range(50) for form in ("film {} é", " film  {} e\u0301\x00")]
    splits = tables.assign(pa.array(alike), 0.3, 0.3).tolist()

    assert splits[::2] == splits[1::2]


def test_shares_are_kept() -> None:
    """The hash spreads evenly."""
    splits = tables.assign(pa.array([f"text {n}" for n in range(20_000)]), 0.1, 0.2).tolist()

    assert splits.count("val") == pytest.approx(2000, abs=150)
    assert splits.count("test") == pytest.approx(4000, abs=200)


def test_splits_that_are_given_stay(tmp_path: Path, make_data: Make) -> None:
    """Only what is missing is split off from train."""
    for name in ("train", "val"):
        rows = "".join(f"{name} {n},x\n" for n in range(200))
        (tmp_path / f"{name}.csv").write_text(f"text,label\n{rows}")
    paths = {f"{name}_path": str(tmp_path / f"{name}.csv") for name in ("train", "val")}
    found = ingest.ingest(make_data(**paths), tmp_path).rows

    assert found["val"] == 200
    assert found["train"] + found["test"] == 200 > found["train"]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (pa.array([1, 0, None]), ["1", "0", None]),
        (pa.array([1.0, float("nan"), -2.0]), ["1", None, "-2"]),
        (pa.array([0.5]), ["0.5"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array(["1.0", "", "v1.0", "positive"]), ["1", None, "v1.0", "positive"]),
        (pa.nulls(1), [None]),
    ],
)
def test_labels_become_text(labels: pa.Array, names: list[str | None]) -> None:
    """A class has one name, whatever type its column had; no label is null."""
    assert columns.label_names(labels).to_pylist() == names


def test_columns_get_our_names_and_others_stay(tmp_path: Path, make_data: Make) -> None:
    """Text and label come first; other columns keep name and type for slices."""
    table = pa.table({"stars": [5], "review": ["fine"], "kind": [None], "verdict": [True]})
    pq.write_table(table, tmp_path / "a.parquet")
    data = make_data(
        train_path=str(tmp_path / "a.parquet"), text_column="review", label_column="verdict"
    )
    source = tables.standard(sources.read(data.train_path, "train", data), data)

    assert [row for batch in source.batches for row in batch.to_pylist()] == [
        {"text": "fine", "label": "true", "stars": 5, "kind": None}
    ]


def test_a_column_that_would_get_a_twin_is_renamed(
    tmp_path: Path, make_data: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """`label` beside `label_text`, as setfit writes them: nobody renames a column of the hub."""
    (tmp_path / "a.csv").write_text("text,label,label_text,label_1\na,1,good,z\n")
    data = make_data(train_path=str(tmp_path / "a.csv"), label_column="label_text")
    caplog.set_level("INFO")
    source = tables.standard(sources.read(data.train_path, "train", data), data)

    assert [row for batch in source.batches for row in batch.to_pylist()] == [
        {"text": "a", "label": "good", "label_2": "1", "label_1": "z"}
    ]
    assert "column 'label' is renamed to 'label_2'" in caplog.text


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("text", "'text' of .* holds int64; expected text"),
        ("label", "'label' of .* list<.*expected"),
    ],
)
def test_a_column_of_the_wrong_kind_is_refused(
    tmp_path: Path, make_data: Make, column: str, message: str
) -> None:
    """Numbers are no text, and lists are no label."""
    columns: dict[str, list[Any]] = {"text": ["a"], "label": ["x"]}
    columns[column] = [1] if column == "text" else [["x", "y"]]
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")

    with pytest.raises(DataError, match=message):
        ingest.ingest(make_data(train_path=str(tmp_path / "a.parquet")), tmp_path)


@pytest.mark.parametrize("header", ["text,label", "text,label\n"])
def test_a_source_without_rows_is_refused(tmp_path: Path, make_data: Make, header: str) -> None:
    """A header is not data."""
    (tmp_path / "a.csv").write_text(header)

    with pytest.raises(DataError, match=r"a\.csv has columns but no rows"):
        ingest.ingest(make_data(train_path=str(tmp_path / "a.csv")), tmp_path)


def test_the_stage_tells_where_rows_came_from(
    project: Path, make_params: Callable[..., Params]
) -> None:
    """source.json holds paths as configured and marks the synthetic corpus."""
    write(make_params(data={"synthetic_rows": 300}))
    ingest.main()
    source = json.loads((project / "data/raw/source.json").read_text(encoding="utf-8"))

    assert source["synthetic"] is True
    assert source["source"] == {
        "train": "synthetic",
        "val": ingest.SPLIT_OFF,
        "test": ingest.SPLIT_OFF,
    }
    assert sum(source["rows"].values()) == 300
    assert source["files"] == {"train": {"synthetic": 300}}


def test_each_file_tells_its_rows(tmp_path: Path, make_data: Make) -> None:
    """What came in is what went out, by file and by split."""
    for name, rows in (("a", 200), ("b", 100), ("val", 50)):
        path = tmp_path / ("set" if name < "c" else ".") / f"{name}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("text,label\n" + "".join(f'"{name} {n}\n",x\n' for n in range(rows)))
    data = make_data(train_path=str(tmp_path / "set"), val_path=str(tmp_path / "val.csv"))
    done = ingest.ingest(data, tmp_path)

    assert done.files == {"train": {"a.csv": 200, "b.csv": 100}, "val": {"val.csv": 50}}
    assert done.rows["train"] + done.rows["test"] == 300
    assert done.rows["val"] == 50


def test_a_row_that_is_lost_is_no_success(
    tmp_path: Path, make_data: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever loses it: the rows that were read are held against those in the files."""
    (tmp_path / "a.csv").write_text("text,label\na,x\nb,y\n")
    monkeypatch.setattr(tables, "assign", lambda *_: np.array(["train", "nowhere"]))

    with pytest.raises(DataError, match="2 rows were read, but 1 written"):
        ingest.ingest(make_data(train_path=str(tmp_path / "a.csv")), tmp_path)


def test_a_stage_that_fails_leaves_nothing(
    project: Path, make_params: Callable[..., Params]
) -> None:
    """Not even what it had written before the fault, nor the result of an earlier run."""
    (project / "data" / "raw").mkdir(parents=True)
    (project / "a.jsonl").write_bytes(as_jsonl(["a"] * 40_000) + b"{")
    write(make_params(data={"train_path": "a.jsonl"}))
    with pytest.raises(DataError, match=r"a\.jsonl, line 40001"):
        ingest.main()

    assert list((project / "data").iterdir()) == []


def test_the_same_rows_give_the_same_bytes(tmp_path: Path, make_data: Make) -> None:
    """A source in one file or in shards is the same data."""
    rows = [f"film {n},{n % 2}\n" for n in range(500)]
    for name, part in (("all/1", rows), ("cut/1", rows[:200]), ("cut/2", rows[200:])):
        path = tmp_path / f"{name}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"text,label\n{''.join(part)}")
    for name in ("all", "cut"):
        (tmp_path / f"{name}-raw").mkdir()
        ingest.ingest(make_data(train_path=str(tmp_path / name)), tmp_path / f"{name}-raw")

    for split in pins.ROLES:
        one, other = (tmp_path / f"{name}-raw" / f"{split}.parquet" for name in ("all", "cut"))
        assert one.read_bytes() == other.read_bytes()


def write(params: Params) -> None:
    """Write params.yaml into the current folder; JSON is YAML."""
    Path("params.yaml").write_text(params.model_dump_json(), encoding="utf-8")
