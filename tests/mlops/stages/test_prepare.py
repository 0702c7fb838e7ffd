"""Rules of ml.prepare."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import ingest, prepare
from ml.config import Params
from mlops.config.schema import Data, Prepare
from mlops.core import hashing
from mlops.core.errors import DataError
from mlops.tables import row_index
from mlops.tables.raw import Raw
from mlops.tables.validation import SPLITS

Make = Callable[..., "Prepared"]
TEXTS = st.lists(st.text(st.characters(codec="utf-8"), min_size=1), unique=True, max_size=30)


@dataclass(frozen=True)
class Prepared:
    """What the stage has written and told."""

    splits: dict[str, pa.Table]
    report: dict[str, dict[str, Any]]


@pytest.fixture(name="make")
def _make(values: dict[str, Any], tmp_path: Path) -> Make:
    """Return a function that prepares rows: texts by split, labels a and b in turn."""

    def make(
        splits: dict[str, list[str | None]],
        labels: list[str] | None = None,
        preprocessing: bool = True,
        **rules: Any,
    ) -> Prepared:
        for split, texts in splits.items():
            pq.write_table(as_raw(texts), tmp_path / f"{split}.parquet")
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        _, report = prepare.prepare(
            Raw(tmp_path, preprocessing),
            out,
            Data.model_validate(values["data"] | {"labels": labels}),
            Prepare.model_validate(values["prepare"] | {"sample": 1.0} | rules),
        )
        return Prepared({name: pq.read_table(out / f"{name}.parquet") for name in splits}, report)

    return make


def as_raw(texts: list[str | None]) -> pa.Table:
    """Return texts as ingest writes them, with a column for slices."""
    count = len(texts)
    columns = {
        "text": pa.array(texts, pa.string()),
        "label": ["ab"[n % 2] for n in range(count)],
        "place": [f"place {n}" for n in range(count)],
    }
    return pa.table(columns)


def numbered(name: str, rows: int) -> list[str | None]:
    """Return different texts."""
    return [f"{name} film {n}" for n in range(rows)]


def splits(**changed: list[str | None]) -> dict[str, list[str | None]]:
    """Return good splits, apart from those that are given."""
    return {name: changed.get(name, numbered(name, 40)) for name in SPLITS.categories}


def sampled(
    texts: list[str], share: float, max_rows: int | None = None, least: int = 0
) -> list[str]:
    """Return the texts of a sample."""
    rules: dict[str, Any] = {"sample": share, "max_rows": max_rows, "min_sample": least}
    places = [hashing.unit(text, "sample") for text in texts]
    table = pl.DataFrame(
        {"split": ["train"] * len(texts), "text": texts, "place": places},
        schema={"split": SPLITS, "text": pl.String, "place": pl.Float64},
    )
    kept: list[str] = row_index.sample(table, Prepare.model_construct(**rules))["text"].to_list()
    return kept


def test_good_rows_arrive_whole(make: Make) -> None:
    """Text, number of the class, and the other columns stay together."""
    done = make(splits(), labels=["b", "a"])

    assert done.splits["train"].slice(0, 2).to_pylist() == [
        {"text": "train film 0", "label": 1, "place": "place 0"},
        {"text": "train film 1", "label": 0, "place": "place 1"},
    ]
    assert [rows.num_rows for rows in done.splits.values()] == [40, 40, 40]


def test_dropped_rows_take_their_columns_along(make: Make) -> None:
    """Rows behind a dropped one keep their own values."""
    done = make(splits(train=["", *numbered("train", 40)]))

    assert done.splits["train"].slice(0, 1).to_pylist() == [
        {"text": "train film 0", "label": 1, "place": "place 1"}
    ]


def test_every_row_is_accounted_for(make: Make) -> None:
    """Found is dropped, not sampled and kept together."""
    texts = [*numbered("train", 200), "", "  ", "train film 0", None, "train  film\x00 7 "]
    report = make(splits(train=texts), sample=0.5, nulls="drop", conflicts="drop").report["train"]

    assert (
        report["found"] == sum(report["dropped"].values()) + report["not_sampled"] + report["kept"]
    )
    assert report["dropped"] | {"duplicates": 0, "conflicts": 0} == {
        "nulls": 1, "empty": 2, "too_long": 0, "duplicates": 0, "conflicts": 0, "leakage": 0,
    }  # fmt: skip
    assert report["normalised"] == {
        "control": 1,
        "white_space": 2,
        "marks": 0,
        "unicode": 0,
        "labels": 0,
    }


@given(texts=TEXTS, extra=TEXTS)
def test_a_sample_is_stable(texts: list[str], extra: list[str]) -> None:
    """A row in it stays when data grows and turns; a smaller share is part of a larger one."""
    grown = [*extra, *reversed([text for text in texts if text not in extra])]

    assert set(sampled(texts, 0.3)) <= set(sampled(grown, 0.3)) <= set(sampled(grown, 0.6))


def test_small_data_are_not_sampled() -> None:
    """Of as many rows as `min_sample` all stay, of more about so many, until the share is more."""
    texts = [str(number) for number in range(2000)]

    assert sampled(texts, 0.1, least=2000) == texts
    assert 450 < len(some := sampled(texts, 0.1, least=500)) < 550
    assert set(sampled(texts, 0.1, least=100)) == set(sampled(texts, 0.1)) < set(some)


@given(texts=TEXTS, most=st.integers(1, 10))
def test_an_upper_bound_keeps_order_and_content(texts: list[str], most: int) -> None:
    """The same rows stay whatever their order, and they stay in their order."""
    kept = sampled(texts, 1.0, most)

    assert kept == [text for text in texts if text in kept]
    assert set(kept) == set(sampled(texts[::-1], 1.0, most))
    assert len(kept) == min(most, len(texts))


def test_the_bound_holds_for_each_split(make: Make) -> None:
    """A smoke run needs rows in all of them."""
    done = make(splits(), max_rows=8, min_class_share=0.0)

    assert [rows.num_rows for rows in done.splits.values()] == [8, 8, 8]


def test_a_split_that_is_too_small_is_refused(make: Make) -> None:
    """The error names the key of the bound, and the sample that may be the reason."""
    with pytest.raises(DataError, match=r"val has 3 rows left, prepare\.min_rows requires 5"):
        make(splits(val=numbered("val", 3)), min_rows=5)


def test_a_class_that_is_too_rare_is_refused(make: Make) -> None:
    """Also one that a split does not have at all."""
    with pytest.raises(
        DataError,
        match=r"train has 40 rows, and 1 of 3 classes has less than .*\(1.00%\) of them: 'c' 0;",
    ):
        make(splits(), labels=["a", "b", "c"])


def test_normalising_comes_before_comparing(make: Make) -> None:
    """What reads the same in two splits is a leak."""
    with pytest.raises(DataError, match="1 row has a text that val or test has too: train row 1"):
        make(splits(test=["train  film\t0", *numbered("test", 40)]), conflicts="drop")


def test_texts_stay_as_they_are_without_preprocessing(make: Make) -> None:
    """Then nothing is removed, and control characters are refused."""
    texts: dict[str, list[str | None]] = {
        split: [f"{split}  {n}\n" for n in range(40)] for split in SPLITS.categories
    }
    done = make(texts, preprocessing=False)
    assert done.splits["val"]["text"][0].as_py() == "val  0\n"
    assert done.report["val"]["normalised"] == {"labels": 0}

    texts["val"] = ["a\x00b", *numbered("val", 40)]
    with pytest.raises(DataError, match=r"control characters.*val row 1 'a\\x00b'"):
        make(texts, preprocessing=False)


def test_a_test_set_that_is_the_train_set_is_refused(make: Make) -> None:
    """Even where leaks are dropped: nothing would be left."""
    with pytest.raises(DataError, match="test holds the same 40 texts as train"):
        make(splits(test=numbered("train", 40)), leakage="drop")


def test_a_text_of_10_mb_is_refused_without_printing_it(make: Make) -> None:
    """Or it is dropped, in no time."""
    with pytest.raises(DataError, match="1 row has a text longer than") as told:
        make(splits(train=["long " * 2_000_000, *numbered("train", 40)]))

    assert len(str(told.value)) < 400


def test_a_million_duplicates_leave_one(make: Make) -> None:
    """The same row again and again is one row."""
    texts: list[str | None] = ["again", "again"] * 500_000
    done = make(splits(train=[*numbered("train", 40), *texts]), conflicts="drop")

    assert done.report["train"]["dropped"]["duplicates"] == 999_998
    assert done.splits["train"].num_rows == 40


def test_rules_hold_between_rows_of_any_piece(make: Make) -> None:
    """Rows are read in pieces of 65,536; equal texts far apart are found, and told with both."""
    texts = [*numbered("train", 70_000), "train film 3"]
    with pytest.raises(
        DataError, match=r"row 4 'train film 3' labelled 'b', as train row 70001 labelled 'a'"
    ):
        make(splits(train=texts))

    done = make(splits(train=texts), conflicts="drop")
    assert done.splits["train"].num_rows == 69_999
    assert done.splits["train"]["place"][3].as_py() == "place 4"
    assert done.splits["train"]["place"][-1].as_py() == "place 69999"


def test_three_classes_in_another_script_work(
    project: Path, make_params: Callable[..., Params]
) -> None:
    """Configuration alone suffices for three classes of Hindi and Japanese."""
    words = {"अच्छा": "सकारात्मक", "बुरा": "नकारात्मक", "普通": "तटस्थ"}
    rows = [f"फ़िल्म {n} {word},{label}\n" for n in range(300) for word, label in words.items()]
    (project / "a.csv").write_text(f"समीक्षा,मत\n{''.join(rows)}", encoding="utf-8")
    data = {"train_path": "a.csv", "text_column": "समीक्षा", "label_column": "मत"}
    run_stages(make_params(data=data, prepare={"sample": 1.0}))
    report = json.loads(Path("reports/data.json").read_text(encoding="utf-8"))

    assert report["labels"] == sorted(words.values())
    assert sum(split["kept"] for split in report["splits"].values()) == 900


def test_the_stage_is_a_pure_function(project: Path, make_params: Callable[..., Params]) -> None:
    """Twice the same input gives the same bytes."""
    content = []
    for _ in range(2):
        run_stages(
            make_params(data={"synthetic_rows": 400}, prepare={"sample": 0.5, "min_sample": 0})
        )
        files = [*Path("data/prepared").iterdir(), Path("reports/data.json")]
        content.append({path.name: path.read_bytes() for path in files})

    assert content[0] == content[1]
    assert sorted(content[0]) == [
        "data.json", "labels.json", "test.parquet", "train.parquet", "val.parquet",
    ]  # fmt: skip
    assert pq.read_schema("data/prepared/val.parquet") == pa.schema(
        {"text": pa.string(), "label": pa.int64(), "kind": pa.string(), "negated": pa.string()}
    )


def test_the_report_tells_what_a_refresh_changed(
    project: Path, make_params: Callable[..., Params]
) -> None:
    """Counted on rows as found, before any is dropped or sampled; other splits say nothing."""
    change = {"previous": "abc", "added": {"positive": 30}, "removed": {"negative": 10}}
    run_stages(
        make_params(
            data={"synthetic_rows": 400},
            prepare={"sample": 0.5, "min_sample": 0},
            snapshot={"changes": {"train": change}},
        )
    )
    splits = json.loads(Path("reports/data.json").read_text(encoding="utf-8"))["splits"]
    labels = pl.read_parquet("data/raw/train.parquet")["label"]
    negative = (labels == "negative").sum()

    told = splits["train"]["change"]
    assert (told["previous"], told["added"], told["removed"]) == ("abc", 30, 10)
    assert told["labels"]["negative"]["before"] == pytest.approx(
        (negative + 10) / (len(labels) - 20), abs=1e-6
    )
    assert told["labels"]["negative"]["now"] == pytest.approx(negative / len(labels), abs=1e-6)
    assert "change" not in splits["val"]


def test_a_stage_that_fails_leaves_nothing(
    project: Path, make_params: Callable[..., Params]
) -> None:
    """Neither new rows nor the rows and the report of an earlier run."""
    run_stages(make_params(data={"synthetic_rows": 400}, prepare={"sample": 0.5, "min_sample": 0}))
    with pytest.raises(DataError, match="min_rows requires 5,000"):
        run_stages(make_params(data={"synthetic_rows": 400}, prepare={"min_rows": 5000}))

    assert [path.name for path in Path("data").iterdir()] == ["raw"]
    assert not Path("reports/data.json").exists()


def test_rows_that_were_never_ingested_are_asked_for(project: Path) -> None:
    """The error names the stage that makes them."""
    with pytest.raises(DataError, match=r"data/raw does not exist.*dvc repro ingest"):
        prepare.main()


def run_stages(params: Params) -> None:
    """Run ingest and prepare in the current folder."""
    Path("params.yaml").write_text(params.model_dump_json(), encoding="utf-8")
    ingest.main()
    prepare.main()
