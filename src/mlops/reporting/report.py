"""The report: one page that tells how good the model is, and compared with what. No file is read.

The page needs nothing but itself: pictures and styles are in it, and it refuses to load others.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from mlops.config.schema import Params
from mlops.core.project import project
from mlops.evaluation.behaviour import Result
from mlops.evaluation.scores import titles
from mlops.evaluation.slices import worst
from mlops.reporting.display import MOST_ROWS, clean, flat, number, pairs, percent, points, tables

TEMPLATE = Path(__file__).with_name("report.html.j2")
SYNTHETIC = "Synthetic data: this model learned the grammar that made the corpus, not English."


@dataclass(frozen=True)
class Facts:
    """All that the report and the model card tell."""

    metrics: dict[str, Any]  # as in reports/metrics.json
    labels: list[str]
    rows: dict[str, int]  # of each split
    synthetic: bool
    data: dict[str, Any]  # as in reports/data.json
    params: Params
    lineage: dict[str, str]
    baselines: dict[str, str]  # how each was made
    slices: dict[str, dict[str, float]]
    slices_left_out: dict[str, int]
    behaviour: list[Result]
    errors: list[dict[str, Any]]


def render(facts: Facts, pictures: Mapping[str, bytes]) -> str:
    """Return the page; `pictures` are PNGs by name."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(percent=percent, number=number, clean=clean)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        facts=facts,
        metrics=facts.metrics,
        verdict=verdict(facts.metrics),
        worst=worst(facts.slices),
        tables=tables(facts.data),
        settings=[
            # By name: the order of the schema is none of the values that this stage depends on.
            pairs(name, dict(sorted(flat(getattr(facts.params, name).model_dump()).items())))
            for name in ("model", "training")
        ],
        pictures={name: base64.b64encode(picture).decode() for name, picture in pictures.items()},
        synthetic=SYNTHETIC,
        scores=project().scores(),
        higher=titles("higher"),
        lower=titles("lower"),
        percent=percent,
        number=number,
        most_rows=MOST_ROWS,
    )


def verdict(metrics: Mapping[str, Any]) -> list[str]:
    """Say in plain words how good the model is and whether it beats the baselines."""
    tfidf, rows = metrics["baselines"]["tfidf"], metrics["rows"]
    majority = metrics["baselines"]["majority"]["accuracy"]
    said = [
        f"The model is right for {percent(metrics['accuracy'])} of {rows:,} test texts "
        f"(interval {percent(metrics['accuracy_low'])} to {percent(metrics['accuracy_high'])}). "
        f"TF-IDF is right for {percent(tfidf['accuracy'])}, "
        f"the most frequent class alone for {percent(majority)}."
    ]
    low, high = points(tfidf["lead_low"]), points(tfidf["lead_high"])
    between = f"{points(tfidf['lead'])} points (interval {low} to {high})"
    if tfidf["lead_low"] > 0:
        said.append(f"It beats TF-IDF by {between}: more than chance explains.")
    elif tfidf["lead_high"] < 0:
        said.append(
            f"TF-IDF is better: the difference is {between}. As it is, the model is not worth "
            "its cost: train longer, start from pretrained weights, or use the baseline."
        )
    else:
        said.append(
            f"It does not beat TF-IDF clearly: the difference is {between}, which may be chance."
        )
    if metrics["accuracy_low"] <= majority:
        said.append("It is not clearly better than always answering the most frequent class.")
    if metrics["accuracy"] == 1:
        said.append(
            f"No error among {rows:,} texts does not mean none at all: "
            f"up to {percent(min(1, 3 / rows))} would still be plausible."
        )
    return said
