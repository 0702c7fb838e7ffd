"""Print in a few lines what the pipeline made, where it is and what to do next.

Reads: params.yaml, dvc.lock, reports/metrics.json, reports/data.json, models/model/,
    .runs/
"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from mlops.core import files, hashing, paths
from mlops.core.errors import TrackingError, run
from mlops.pipeline import tracked
from mlops.tracking import records

METRICS = Path("reports/metrics.json")
MODEL = Path("models/model")
SERVING = Path("models/serving")
LOCK = Path("dvc.lock")
PREPARED = Path("reports/data.json")
DIRTY = "; uncommitted changes: it cannot be rebuilt from Git"
DEFAULT = "default"  # as make says where no experiment is named


def lines(
    params: dict[str, Any], metrics: dict[str, Any], prepared: dict[str, Any], where: str
) -> list[str]:
    """Return the summary; `prepared` is reports/data.json, `where` names the MLflow run."""
    model = params["model"]
    data = "synthetic data: it learned the grammar that made them, not English"
    low, high = metrics["accuracy_low"], metrics["accuracy_high"]
    # Without them the next command would train another experiment over this one's model.
    env = _env(params["environment"])
    name = params.get("experiment", DEFAULT)
    again = env + ("" if name == DEFAULT else f" EXP={name}")
    return [
        f"{model['name']} {model['version']}, experiment {name} in {params['environment']}"
        + (f", trained on {data}" if prepared["synthetic"] else ""),
        f"  accuracy {metrics['accuracy']:.3f} ({low:.3f} to {high:.3f}) "
        f"on {metrics['rows']} test rows, macro F1 {metrics['macro_f1']:.3f}, "
        f"calibration error {metrics['ece']:.3f}",
        f"  baselines: {baselines(metrics)}",
        *sampled(prepared),
        *(f"  warning {text}" for text in tracked.untracked(params["data"])),
        "  report  reports/report.html",
        "  card    reports/model_card.md",
        f"  model   {MODEL}",
        f"  serving {SERVING}",
        f"  run     {where}",
        *steps(env, again),
    ]


def steps(env: str, again: str) -> list[str]:
    """Return what may be typed next."""
    found = {
        f"make play{again}": "try the model in a browser",
        f"make compare{again}": "compare it with the runs before",
        f'make train{again} SET="training.epochs=4"': "change a value",
        f"make ui{env}": "see all runs in MLflow",
    }
    width = max(map(len, found))
    lines = [f"{command:{width}}  {what}" for command, what in found.items()]
    return ["  next    " + "\n          ".join(lines)]


def baselines(metrics: dict[str, Any]) -> str:
    """Return the baselines, and whether the model is better than the best of them."""
    found: dict[str, dict[str, float]] = metrics["baselines"]
    if not found:
        return "none"
    listed = ", ".join(f"{name} {one['accuracy']:.3f}" for name, one in found.items())
    best = max(found, key=lambda name: found[name]["accuracy"])
    low, high = (found[best].get(f"lead_{end}", 0.0) for end in ("low", "high"))
    apart = f"by {abs(metrics['accuracy'] - found[best]['accuracy']):.3f}"
    if low > 0:
        return f"{listed}; the model is better than {best}, {apart}"
    if high < 0:
        return (
            f"{listed}; {best} is BETTER than the model, {apart}: more rows, epochs or minilm help"
        )
    return (
        f"{listed}; no clear difference between the model and {best} on {metrics['rows']} test rows"
    )


def sampled(prepared: dict[str, Any]) -> list[str]:
    """Say which part of the rows was taken, where it was not all."""
    splits = prepared["splits"].values()
    kept, left = (sum(one[name] for one in splits) for name in ("kept", "not_sampled"))
    share = kept / max(kept + left, 1)
    return [f"  sample  {share:.0%} of the rows: {kept:,} of {kept + left:,}"] if left else []


def _env(environment: str) -> str:
    return "" if environment == "dev" else f" ENV={environment}"


def where(environment: str) -> str:
    """Return where the MLflow run of the model lies, or why there is none."""
    found = record()
    if found.get("environment") == environment:
        dirty = (
            "; uncommitted changes: it cannot be rebuilt from Git"
            if found.get("dirty") == "yes"
            else ""
        )
        remote = str(found["tracking_uri"]).startswith("http")
        place = found["tracking_uri"] if remote else f"make ui{_env(environment)}"
        return f"{found['run_id'] or 'not there yet'} ({place}){dirty}"
    return f"none in {environment}: the model was restored from the cache, not trained here"


def record() -> dict[str, Any]:
    """Return what is known of the run that trained the model."""
    return records.read(hashing.digest(MODEL)) or {}


def complete(environment: str) -> None:
    """Give the model's run what it lacks: an evaluation that DVC restored, the whole lock."""
    found = record()
    if found.get("environment") != environment:
        return
    locked = LOCK.exists() and found.get("lock") != hashing.digest(LOCK)
    if found.get("evaluated") and not locked:
        return
    # MLflow takes a second that others need not pay.
    from mlops.config import schema  # noqa: PLC0415
    from mlops.tracking import runs  # noqa: PLC0415

    params, digest = schema.load(), hashing.digest(MODEL)
    if not found.get("evaluated"):
        # A training gave bytes that were evaluated before.
        metrics = files.read_json(METRICS)
        runs.log_evaluation(params, digest, metrics, METRICS.parent)
    runs.log_state(params, digest)


def left_over(environment: str) -> list[str]:
    """Send what journals still hold; return a line if something stays here."""
    if not any(paths.journals(environment).glob("*/journal.jsonl")):
        return []
    from mlops.tracking import server, sync  # noqa: PLC0415  of no need where nothing is left

    if not server.is_offline():
        with suppress(TrackingError):  # the line says what to do
            sync.send_all(environment)
    runs = sync.count_unsent(environment)
    return [f"  waiting {runs} not in MLflow yet: make sync ENV={environment}"] if runs else []


def read_params() -> dict[str, Any]:
    """Return the composed values, unchecked: that takes longer than all the rest here."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast
    values: dict[str, Any] = yaml.load(Path("params.yaml").read_bytes(), Loader=loader)
    return values


def main() -> None:
    """Print the summary."""
    params = read_params()
    metrics = files.read_json(METRICS, "accuracy", "baselines", "rows")
    prepared = files.read_json(PREPARED, "synthetic", "splits")
    complete(params["environment"])
    waiting = left_over(params["environment"])
    text = lines(params, metrics, prepared, where(params["environment"])) + waiting
    sys.stdout.write("\n".join(["", *text, ""]))


if __name__ == "__main__":
    run(main)
