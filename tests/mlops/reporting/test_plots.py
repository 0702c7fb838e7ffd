"""Rules of mlops.reporting.plots."""

import csv
import struct
from pathlib import Path

import numpy as np
import pytest
from matplotlib import rc_context, rcParams

import report_data
from mlops.evaluation import metrics
from mlops.reporting import plots

HISTORY = {
    "train": [{"step": step, "epoch": 1, "loss": 1 / step} for step in (1, 2, 3)],
    "val": [{"step": 3, "epoch": 1, "loss": 0.5, "accuracy": 0.8}],
}


def draw(folder: Path, labels: list[str], rows: int = 60) -> Path:
    """Draw all plots into a new folder."""
    folder.mkdir()
    actual, probabilities = report_data.probabilities(rows, len(labels))
    matrix = metrics.confusion(actual, probabilities.argmax(axis=1), len(labels))
    plots.learning(HISTORY, folder)
    plots.confusion(matrix, labels, folder)
    plots.precision_recall(metrics.precision_recall(actual, probabilities, labels), labels, folder)
    plots.reliability(metrics.reliability(actual, probabilities, 15), folder)
    return folder


def read(path: Path) -> list[dict[str, str]]:
    """Read a CSV."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.filterwarnings("error")  # a glyph that the font lacks is a warning
@pytest.mark.parametrize(
    "labels",
    [
        ["a", "b"],
        [r"$\frac$ & 1", "好评"],
        ["очень длинное название класса", "ok", "no"],
        [*"abcdefghijklmnop"],
    ],
)
def test_any_labels_can_be_drawn(tmp_path: Path, labels: list[str]) -> None:
    """Dollar signs, other scripts, long names and many classes give whole pictures."""
    folder = draw(tmp_path / "plots", labels)

    headers = [(folder / f"{name}.png").read_bytes()[:24] for name in plots.PLOTS]

    assert all(min(struct.unpack(">II", header[16:])) > 400 for header in headers)


def test_the_same_figures_give_the_same_bytes(tmp_path: Path) -> None:
    """Neither time nor version nor the user's matplotlibrc is in a plot."""
    first = draw(tmp_path / "first", ["a", "b"])
    with rc_context({"font.size": 30, "savefig.dpi": 10, "axes.facecolor": "red"}):
        second = draw(tmp_path / "second", ["a", "b"])

    names = sorted(path.name for path in first.iterdir())

    assert [path.read_bytes() for path in sorted(first.iterdir())] == [
        (second / name).read_bytes() for name in names
    ]


def test_drawing_changes_no_setting_of_others(tmp_path: Path) -> None:
    """The style ends with the plot."""
    with rc_context({"font.size": 30}):
        plots.learning(HISTORY, tmp_path)

        assert rcParams["font.size"] == 30


def test_the_confusion_table_has_a_line_for_each_row(tmp_path: Path) -> None:
    """DVC counts them."""
    plots.confusion(np.array([[3, 1], [0, 2]]), ["a", "b"], tmp_path)

    lines = [(row["actual"], row["predicted"]) for row in read(tmp_path / "confusion.csv")]

    assert lines == [("a", "a")] * 3 + [("a", "b")] + [("b", "b")] * 2


def test_the_confusion_table_of_a_large_split_is_a_faithful_share(tmp_path: Path) -> None:
    """Shares stay, no cell vanishes, the file stays small."""
    plots.confusion(np.array([[3_000_000, 1], [0, 1_000_000]]), ["a", "b"], tmp_path)

    lines = [(row["actual"], row["predicted"]) for row in read(tmp_path / "confusion.csv")]

    assert [lines.count(pair) for pair in (("a", "a"), ("a", "b"), ("b", "b"))] == [
        15_000,
        1,
        5_000,
    ]


def test_the_learning_curves_are_told_by_split(tmp_path: Path) -> None:
    """DVC draws train and val into one plot."""
    plots.learning(HISTORY, tmp_path)

    assert [row["loss"] for row in read(tmp_path / "learning_train.csv")] == [
        "1.0",
        "0.5",
        "0.333333",
    ]
    assert read(tmp_path / "learning_val.csv") == [{"step": "3", "loss": "0.5", "accuracy": "0.8"}]


def test_labels_that_the_font_lacks_are_numbered() -> None:
    """A number can be read, an empty box cannot."""
    assert plots.readable("好评", 3) == "class 3"
    assert plots.readable("отлично", 3) == "отлично"
