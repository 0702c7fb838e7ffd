"""Rules of mlops.tables.stats."""

import polars as pl

from mlops.tables import stats
from mlops.tables.validation import SPLITS


def test_a_split_is_counted_and_measured() -> None:
    """Only rows of the split count; a class without rows is listed; lengths are those of rows."""
    rows = pl.DataFrame(
        {
            "split": ["train"] * 3 + ["val"],
            "words": [1, 2, 3, 1],
            "chars": [1, 5, 8, 1],
            "label": ["p", "n", "p", "n"],
        },
        schema_overrides={"split": SPLITS},
    )
    found = stats.describe(rows, "train", ["n", "p", "q"])

    assert found["kept"] == 3
    assert found["labels"] == {
        "n": {"rows": 1, "share": 0.333333},
        "p": {"rows": 2, "share": 0.666667},
        "q": {"rows": 0, "share": 0.0},
    }
    assert found["chars"] == {
        "min": 1, "p5": 1, "p25": 5, "p50": 5, "p75": 8, "p95": 8, "max": 8, "mean": 4.666667,
    }  # fmt: skip
