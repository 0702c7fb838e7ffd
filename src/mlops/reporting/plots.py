"""The one door to matplotlib: the plots of the report, and their points for `dvc plots`.

Writes: a folder with a PNG and a CSV of each
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import font_manager, ft2font, rc_context, rcdefaults, rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from mlops.evaluation.metrics import Ints, Row

# Told apart also by the colour-blind (Okabe and Ito, 2008), and by line style in grey print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8A7000")
STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 3)))
INK, GRID = "#333333", "#DDDDDD"
SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine draws the same
    "font.size": 10,
    "text.parse_math": False,  # a label may hold dollar signs
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}
DPI = 150
PLOTS = ("learning", "confusion", "precision_recall", "reliability")
NUMBERED = 12  # classes: beyond, the numbers of a confusion matrix run into each other
MOST_LINES = 20_000  # of confusion.csv, which `dvc plots` puts into its page
NAMED = 30  # classes: beyond, so do their names


def learning(history: dict[str, list[Row]], folder: Path) -> None:
    """Draw the loss of train and val, and the accuracy of val, over the steps."""
    train, val = history["train"], history["val"]
    _csv(folder / "learning_train.csv", ["step", "loss"], train)
    _csv(folder / "learning_val.csv", ["step", "loss", "accuracy"], val)
    with _style():
        figure, (upper, lower) = _figure(6, 5, rows=2, height_ratios=[3, 2], sharex=True)
        for split, rows, style, colour in (
            ("train", train, ".-", COLOURS[0]),
            ("validation", val, "o--", COLOURS[1]),
        ):
            points = _column(rows, "step"), _column(rows, "loss")
            upper.plot(*points, style, color=colour, label=split)
        _label(upper, "Learning curves", "", "loss (nats)")
        upper.set_ylim(bottom=0)
        upper.legend()
        lower.plot(_column(val, "step"), _column(val, "accuracy"), "o--", color=COLOURS[1])
        _label(lower, "", "optimizer step", "validation accuracy")
        lower.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
        lower.set_xlim(left=0)
        lower.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        _save(figure, folder / "learning.png")


def confusion(matrix: Ints, labels: list[str], folder: Path) -> None:
    """Draw the confusion matrix; colour is the share of the actual class, so of its recall."""
    # DVC counts one line for each row; of a large split, a faithful share.
    lines = np.ceil(matrix / max(1, matrix.sum() / MOST_LINES)).astype(int)
    pairs = [
        {"actual": labels[down], "predicted": labels[across]}
        for down, across in zip(*matrix.nonzero(), strict=True)
        for _ in range(lines[down, across])
    ]
    _csv(folder / "confusion.csv", ["actual", "predicted"], pairs)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = min(3.2 + 0.5 * len(labels), 9)
    with _style(framed=True):
        figure, (axes,) = _figure(side + 1, side)
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        bar: dict[str, Any] = {"label": "share of the actual class", "format": PercentFormatter(1)}
        figure.colorbar(image, ax=axes, shrink=0.8, **bar)
        _label(axes, "Confusion (rows)", "predicted class", "actual class")
        _class_ticks(axes, labels)
        if len(labels) <= NUMBERED:
            for (down, across), count in np.ndenumerate(matrix):
                colour = "white" if shares[down, across] > 0.55 else INK
                axes.text(across, down, f"{count:,}", ha="center", va="center", color=colour)
        _save(figure, folder / "confusion.png")


def precision_recall(curves: list[Row], labels: list[str], folder: Path) -> None:
    """Draw precision over recall by class; of many classes, those of the smallest area."""
    _csv(folder / "precision_recall.csv", ["class", "recall", "precision", "threshold"], curves)
    by_class: dict[str, list[Row]] = {}
    for row in curves:
        by_class.setdefault(row["class"], []).append(row)
    area = {label: _area(rows) for label, rows in by_class.items()}
    shown = sorted(sorted(area, key=lambda label: area[label])[: len(COLOURS)], key=labels.index)
    with _style():
        figure, (axes,) = _figure(6, 4.2)
        for label, colour, style in zip(shown, COLOURS, STYLES, strict=False):
            name = f"{readable(label, labels.index(label))}  (area {area[label]:.2f})"
            points = [_column(by_class[label], key) for key in ("recall", "precision")]
            axes.plot(*points, color=colour, linestyle=style, label=name)
        part = (
            f", the {len(shown)} weakest of {len(area)} classes" if len(area) > len(shown) else ""
        )
        _label(axes, f"Precision and recall{part}", "recall", "precision")
        axes.set(xlim=(0, 1.01), ylim=(0, 1.02))
        axes.legend(loc="lower left")
        _save(figure, folder / "precision_recall.png")


def reliability(bins: list[Row], folder: Path) -> None:
    """Draw accuracy over confidence, and beneath it how many rows each bin holds."""
    _csv(folder / "reliability.csv", ["low", "high", "confidence", "accuracy", "rows"], bins)
    with _style():
        figure, (upper, lower) = _figure(6, 5, rows=2, height_ratios=[3, 1], sharex=True)
        upper.plot([0, 1], [0, 1], color="#888888", linestyle=":", label="perfect calibration")
        upper.plot(
            _column(bins, "confidence"), _column(bins, "accuracy"), "o-", color=COLOURS[0],
            label="model",
        )  # fmt: skip
        _label(upper, "Reliability", "", "accuracy in the bin")
        upper.set(xlim=(0, 1.01), ylim=(0, 1.02))
        upper.legend(loc="best")
        widths = [row["high"] - row["low"] for row in bins]
        lower.bar(
            _column(bins, "low"), _column(bins, "rows"), widths, align="edge",
            color=COLOURS[5], edgecolor="white",
        )  # fmt: skip
        _label(lower, "", "confidence (probability of the predicted class)", "rows")
        _save(figure, folder / "reliability.png")


def readable(label: str, index: int) -> str:
    """Return the label shortened, or its number if the font cannot write it."""
    if all(ord(character) in _glyphs() for character in label):
        return label if len(label) <= 20 else f"{label[:19]}…"
    return f"class {index}"


@contextmanager
def _style(framed: bool = False) -> Iterator[None]:
    with rc_context():
        rcdefaults()  # not what the user's matplotlibrc says: the same plots for everyone
        rcParams.update(SETTINGS)
        sides: dict[Any, Any] = {f"axes.spines.{side}": framed for side in ("top", "right")}
        rcParams.update(sides)
        yield


@cache
def _glyphs() -> frozenset[int]:
    font = ft2font.FT2Font(font_manager.findfont(SETTINGS["font.family"]))
    return frozenset(font.get_charmap())


def _figure(width: float, height: float, **grid: Any) -> tuple[Figure, Sequence[Axes]]:
    rows, columns = grid.pop("rows", 1), grid.pop("columns", 1)
    ratios = {"height_ratios": grid.pop("height_ratios", None)}
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **ratios, **grid)
    return figure, list(axes.flat)


def _label(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set(xlabel=x, ylabel=y)
    axes.set_title(title, fontweight="bold")


def _class_ticks(axes: Axes, labels: list[str]) -> None:
    shown = labels if len(labels) <= NAMED else []
    names = [readable(label, index) for index, label in enumerate(shown)]
    long = any(len(name) > 8 for name in names) or len(names) > 6
    axes.set_xticks(
        range(len(names)), names, rotation=45 if long else 0, ha="right" if long else "center"
    )
    axes.set_yticks(range(len(names)), names)


def _column(rows: Iterable[Row], name: str) -> list[float]:
    return [row[name] for row in rows]


def _area(rows: list[Row]) -> float:
    # Average precision: each precision weighs as much as the recall that it adds.
    recall = np.array([0.0, *_column(rows, "recall")])
    return float((np.diff(recall) * _column(rows, "precision")).sum())


def _save(figure: Figure, path: Path) -> None:
    # matplotlib would write its version into the file
    figure.savefig(path, dpi=DPI, metadata={"Software": None})


def _csv(path: Path, columns: list[str], rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _rounded(row[name]) for name in columns})


def _rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value
