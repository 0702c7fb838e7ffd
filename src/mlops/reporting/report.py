"""The report: one page that shows how good the model is, compared with baselines. Reads no file.

The page needs nothing but itself: pictures and styles are in it, and it refuses to load others.
"""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

import jinja2
from markupsafe import Markup

from mlops.core.project import project
from mlops.evaluation.scores import titles
from mlops.evaluation.slices import worst
from mlops.reporting.display import (
    MOST_ROWS,
    between,
    clean,
    flat,
    number,
    pairs,
    percent,
    points,
    tables,
)
from mlops.reporting.report_data import ReportData

TEMPLATE = Path(__file__).with_name("report.html.j2")
SCRIPT = Path(__file__).with_name("report.js")  # the one that the page may run
SYNTHETIC = "Synthetic data: this model learned the grammar that made the corpus, not English."


def render(data: ReportData, pictures: Mapping[str, bytes]) -> str:
    """Return the page; `pictures` are PNGs by name."""
    script = SCRIPT.read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(percent=percent, number=number, clean=clean)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        data=data,
        metrics=data.metrics,
        verdict=verdict(data),
        compared=[
            ("model", data.metrics),
            *((one.title, data.metrics["baselines"][n]) for n, one in data.baselines.items()),
        ],
        best=_best(data),
        worst=worst(data.slices),
        choices={
            "actual": sorted({one["label"] for one in data.errors}),
            "predicted": sorted({one["predicted"] for one in data.errors}),
            "slice": list(dict.fromkeys(part for one in data.errors for part in one["slices"])),
        },
        script=Markup(script),
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        tables=tables(data.stats),
        settings=[
            # By name: the order of the schema is none of the values that this stage depends on.
            pairs(name, dict(sorted(flat(getattr(data.params, name).model_dump()).items())))
            for name in ("model", "training")
        ],
        pictures={name: base64.b64encode(picture).decode() for name, picture in pictures.items()},
        synthetic=SYNTHETIC,
        scores=project().scores(),
        higher=titles("higher"),
        lower=titles("lower"),
        between=between,
        points=points,
        percent=percent,
        number=number,
        most_rows=MOST_ROWS,
    )


def verdict(data: ReportData) -> list[str]:
    """Say in plain words how good the model is and whether it beats the baselines."""
    metrics, rows = data.metrics, data.metrics["rows"]
    baselines = sorted(
        ((data.baselines[name].title, found) for name, found in metrics["baselines"].items()),
        key=lambda baseline: -baseline[1]["accuracy"],
    )
    interval = between(metrics["accuracy_low"], metrics["accuracy_high"])
    said = [
        f"The model is right for {percent(metrics['accuracy'])} of {rows:,} test texts"
        + (f" (interval {interval})." if interval else ".")
    ]
    if baselines:
        shown = (f"{title} {percent(found['accuracy'])}" for title, found in baselines)
        said += [f"Baselines: {', '.join(shown)}.", _comparison(*baselines[0])]
    said += [
        f"The model is not clearly better than {title}."
        for title, found in baselines[1:]
        if found["lead_low"] <= 0
    ]
    if metrics["accuracy"] == 1:
        said.append(
            f"No error among {rows:,} texts does not mean none at all: "
            f"up to {percent(min(1, 3 / rows))} would still be plausible."
        )
    return said


def _comparison(title: str, found: Mapping[str, float]) -> str:
    """Compare the model with the best baseline."""
    lead, low, high = (points(found[name]) for name in ("lead", "lead_low", "lead_high"))
    if low == high == "0.0":
        return f"{title} is right for the same texts: the model is not worth its cost here."
    difference = f"{lead} points (interval {low} to {high})"
    if found["lead_low"] > 0:
        return f"The model beats {title} by {difference}: more than chance explains."
    if found["lead_high"] < 0:
        return (
            f"{title} is better: the difference is {difference}. As it is, the model is not worth "
            "its cost: train longer, start from pretrained weights, or use the baseline."
        )
    return (
        f"The model does not beat {title} clearly: the difference is {difference}, possibly chance."
    )


def _best(data: ReportData) -> tuple[str, Mapping[str, float]] | None:
    """Return title and figures of the baseline that is most often right."""
    found = data.metrics["baselines"]
    best = max(found, key=lambda name: found[name]["accuracy"], default=None)
    return None if best is None else (data.baselines[best].title, found[best])
