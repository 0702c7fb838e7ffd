"""Rules of mlops.lineage.comparison."""

import pytest

import locks
from mlops.lineage import comparison
from mlops.lineage.comparison import Recorded

HERE = {"packages.sha256": "p", "packages.python": "3.11", "hardware.cpu": "Xeon",
        "hardware.gpu": "none", "hardware.platform": "Linux"}  # fmt: skip


def recorded(**tags: str) -> Recorded:
    """Return a whole record, made here, with tags, _ for a dot."""
    named = {name.replace("_", "."): value for name, value in tags.items()}
    return Recorded(locks.text(), HERE | named)


def test_the_same_hashes_are_equal() -> None:
    """Then there is no first difference."""
    table = comparison.table(recorded(), locks.text())

    assert {state for *_, state in table} == {"equal"}
    assert [part for part, *_ in table] == list(comparison.PARTS)
    assert comparison.first_difference(recorded(), locks.text()) == ""


def test_the_first_part_that_differs_is_named() -> None:
    """In the order in which they are made."""
    rebuilt = locks.text(reports_metrics_json="x", models_model="x")

    assert comparison.first_difference(recorded(), rebuilt) == "models/model"


def test_what_was_not_rebuilt_is_not_equal() -> None:
    """A stage that failed or never ran."""
    assert comparison.first_difference(recorded(), locks.text("prepare")) == "models/model"
    assert comparison.first_difference(recorded(), "") == "data/raw"


def test_what_was_not_recorded_is_not_equal() -> None:
    """A run of `dvc repro` alone, until its record is completed; reports stand for themselves."""
    reports = {f"reports/{name}": f"md5 of reports/{name}"
               for name in ("metrics.json", "predictions.parquet")}  # fmt: skip
    plain = Recorded(locks.text("train"), HERE, reports)

    assert comparison.first_difference(plain, locks.text()) == "models/serving"
    assert "has no hash" in comparison.reasons(plain, locks.text(), HERE, "models/serving")[0]


@pytest.mark.parametrize(
    "record",
    [
        recorded(model_md5="x"),
        Recorded(locks.text(), HERE, {"models/model": "x"}),
        Recorded(locks.text(models_model="x"), HERE | {"model.md5": "md5 of models/model"}),
    ],
)
def test_records_that_contradict_each_other_are_found(record: Recorded) -> None:
    """Whichever of tag, lock and what is at hand was changed."""
    assert [part for part in comparison.PARTS if record.contradiction(part)] == ["models/model"]


@pytest.mark.parametrize(
    ("record", "rebuilt", "told"),
    [
        (recorded(hardware_cpu="EPYC"), {}, "other processor: EPYC then, Xeon now"),
        (recorded(hardware_gpu="H100"), {}, "other GPU: H100 then, none now"),
        (recorded(packages_sha256="q"), {}, "other packages (hash of the locks): q then, p now"),
        (recorded(packages_sha256=""), {}, "packages (hash of the locks): not recorded"),
        (recorded(), {"src_ml_train_py": "y"}, "its inputs differ: src/ml/train.py"),
        (recorded(), {"seed": "5"}, "its values differ: training.seed"),
        (recorded(git_dirty="yes", git_diff="withheld: it holds x"), {}, "(withheld: it holds x)"),
        (recorded(git_dirty="yes"), {}, "(the difference was not recorded)"),
        (recorded(restored="yes", hardware_cpu="EPYC"), {}, "restored the model from a cache"),
    ],
)
def test_the_reason_is_what_the_records_tell(
    record: Recorded, rebuilt: dict[str, str], told: str
) -> None:
    """And one alone, where one alone is there."""
    text = locks.text(models_model="x", **rebuilt)
    (reason,) = comparison.reasons(record, text, HERE, "models/model")

    assert told in reason


def test_where_nothing_is_known_no_reason_is_made_up() -> None:
    """All the same, and still another model."""
    assert comparison.reasons(recorded(), locks.text(models_model="x"), HERE, "models/model") == []
