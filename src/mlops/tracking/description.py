"""What people read of a run in MLflow: its name, its experiment, its description. Knows no MLflow.

Reads: SET, DVC_EXP_NAME
"""

import json
import os
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from mlops.config.overrides import split, values
from mlops.config.schema import Params

LONGEST = 100  # characters of a name
# Of an MLflow experiment: that it trains models, and a view that begins with what matters.
VIEW = "mlflow.sharedViewState."
COLUMNS = ("accuracy", "macro_f1", "ece")
TAGS = {
    "mlflow.experimentKind": "custom_model_development",
    f"{VIEW}scores": json.dumps(
        {
            "selectedColumns": [
                "attributes.`Created`", "attributes.`Duration`",
                *(f"metrics.`test.{name}`" for name in COLUMNS),
            ]
        }
    ),
}  # fmt: skip
NOTE = "mlflow.note.content"  # what it shows as description
TOLD = {"accuracy", "accuracy_low", "accuracy_high", "macro_f1", "rows", "baselines"}
COUNTS = {"rows", "support", "lead"}
PLAIN = {"data", "raw", "train", "dataset"}  # names of files that say nothing about the data


def name_run(params: Params) -> str:
    """Return the experiment and what was changed for this run: `tickets learning_rate=0.003`."""
    words = values(split(os.environ.get("SET") or ""))
    keys = [word.path[-1] for word in words]
    changes = [
        f"{key if keys.count(key) == 1 else word.key}={word.value}"
        for key, word in zip(keys, words, strict=True)
    ]
    name = " ".join([params.experiment, *changes, os.environ.get("DVC_EXP_NAME", "")]).strip()
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."


def name_experiment(params: Params) -> str:
    """Return the MLflow experiment: the one that is configured, else one for each data set."""
    return params.mlflow.experiment_name or f"{params.project.name}/{name_data(params)}"


def is_ours(params: Params, name: str) -> bool:
    """Return whether an MLflow experiment is this one's, or one for another data set of ours."""
    return name == name_experiment(params) or name.startswith(f"{params.project.name}/")


def name_data(params: Params) -> str:
    """Name the data that train a model, from where they lie."""
    source = params.data.train_path
    path = PurePosixPath(source.removeprefix("hf:").partition("#")[0].partition("@")[0])
    names = [path.name.partition(".")[0], path.parent.name]
    return next((name for name in names if name and name.lower() not in PLAIN), path.name or source)


def is_score(path: tuple[str, ...]) -> bool:
    """Return whether a figure of an evaluation is worth a chart: no count, no end of an interval.

    Those stay in reports/metrics.json.
    """
    return path[1:2] == ("behaviour",) or not (
        path[-1] in COUNTS or path[-1].endswith(("_low", "_high"))
    )


def describe(params: Params, metrics: Mapping[str, Any], page: str) -> str:
    """Return the description of a run: the verdict, and where the report is.

    `page` is that of the run in MLflow; without it the files are named alone.
    """
    low, high = metrics["accuracy_low"], metrics["accuracy_high"]
    files = {"report": "reports/report.html", "model card": "reports/model_card.md"}
    links = [
        f"[{title}](#/experiments/{page}/artifacts/{path})" if page else path
        for title, path in files.items()
    ]
    # Markdown: two blanks at the end of a line break it.
    return "  \n".join(
        [
            f"Accuracy **{metrics['accuracy']:.3f}** ({low:.3f} to {high:.3f}) on "
            f"{metrics['rows']:,} test rows, macro F1 {metrics['macro_f1']:.3f}. "
            f"See {' and '.join(links)}.",
            *(_compare(found, name) for name, found in sorted(metrics["baselines"].items())),
            f"Experiment `{params.experiment}` in `{params.environment}`, data "
            f"`{params.data.train_path}`, model `{params.model.name} {params.model.version}`.",
        ]
    )


def _compare(baseline: Mapping[str, float], name: str) -> str:
    if baseline.get("lead_low", 0) > 0:
        verdict = "the model is better"
    elif baseline.get("lead_high", 0) < 0:
        verdict = "**the baseline is better**"
    else:
        verdict = "no clear difference"
    return f"Baseline {name} {baseline['accuracy']:.3f}: {verdict}."
