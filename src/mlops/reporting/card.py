"""The model card in Hugging Face's format, written from what is known. No file is read.

It has no time and no commit in it: the same inputs give the same card.
"""

import re
from pathlib import Path

import jinja2
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from mlops.core.project import project
from mlops.reporting.display import number, percent
from mlops.reporting.report import SYNTHETIC, verdict
from mlops.reporting.report_data import ReportData

TEMPLATE = Path(__file__).with_name("model_card.md.j2")
UNCALIBRATED = 0.05  # mean gap of confidence and accuracy that misleads whoever sets a threshold
MOST_SLICES = 5
HUB = {"macro_f1": "f1"}  # what the hub calls a score


def render(data: ReportData) -> str:
    """Return the card: metadata for the hub, and the text."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        card_data=metadata(data).to_yaml(),
        data=data,
        params=data.params,
        metrics=data.metrics,
        verdict=verdict(data),
        limits=limits(data),
        scores=project().scores(),
        source=source(data),
        origin=origin(data),
        escape=escape,
        code=code,
        number=number,
        percent=percent,
    )
    return f"{ModelCard(text)}\n"


def metadata(data: ReportData) -> ModelCardData:
    """Return what the hub reads; language and licence are not known here, so left out."""
    model, name = data.params.model, source(data)
    results = [
        EvalResult(
            task_type="text-classification",
            dataset_type=re.sub(r"[^\w./-]+", "-", name).strip("-").lower() or "data",
            dataset_name=name,
            dataset_split="test",
            metric_type=HUB.get(key, key),
            metric_name=score.title,
            metric_value=round(data.metrics[key], 6),
        )
        for key, score in project().scores().items()
    ]
    from_hub = model.pretrained and data.params.snapshot.pretrained is None
    return ModelCardData(
        model_name=f"{model.name}-{model.version}",
        eval_results=results,
        base_model=model.pretrained if from_hub else None,
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=["text-classification", *(["synthetic-data"] if data.synthetic else [])],
    )


def source(data: ReportData) -> str:
    """Name the data; of a file or folder by its last part, for the rest differs by machine."""
    path = str(data.stats.get("source", {}).get("train", "data"))
    if data.synthetic:
        return "synthetic film verdicts"
    if path.startswith("hf:"):
        return re.split("[:@#]", path.removeprefix("hf:"))[0]
    return Path(path).stem or path


def origin(data: ReportData) -> str:
    """Say what the training started from."""
    model = data.params.model
    if model.pretrained is None:
        return f"{project().describe(model)}, from random weights"
    if data.params.snapshot.pretrained:
        return f"the pretrained model in the local folder {code(Path(model.pretrained).name)}"
    at = f" at revision {code(model.revision)}" if model.revision else ""
    return f"the pretrained model {code(model.pretrained)}{at}"


def limits(data: ReportData) -> list[str]:
    """Say where the model must not be trusted, as far as the figures show."""
    metrics, found = data.metrics, [SYNTHETIC] if data.synthetic else []
    found.append(
        f"It was evaluated on {number(data.rows['test'])} texts of the same source as its training "
        "texts; other sources, topics or times may be harder."
    )
    cut = metrics.get("truncated", 0)
    many = f", as {percent(cut)} of the training texts were" if cut else ""
    found.append(f"A text is cut after {data.params.model.max_length} tokens{many}.")
    unseen = [label for label in data.labels if not metrics["per_class"][label]["support"]]
    if unseen:
        found.append(f"Nothing is known about classes that the test split lacks: {_list(unseen)}.")
    found += [
        f"It is weaker where {escape(name)}: right for {percent(part['accuracy'])} "
        f"of {number(part['rows'])} texts."
        for name, part in _weak(data)
    ]
    if metrics["ece"] > UNCALIBRATED:
        found.append(
            f"Its confidence is off by {percent(metrics['ece'])} on average: "
            "calibrate it before you set a threshold."
        )
    failed = [result.name for result in data.behaviour if result.passed is False]
    if failed:
        found.append(f"It failed these behaviour tests: {_list(failed)}.")
    return found


def escape(text: str) -> str:
    """Write a text of the data so that Markdown shows it as it is."""
    return re.sub(r"([\\|<>\[\]*_`#])", r"\\\1", " ".join(str(text).split()))


def code(text: object) -> str:
    """Write a text as code, in a table too."""
    return f"`{' '.join(str(text).replace('`', chr(39)).replace('|', '&#124;').split())}`"


def _weak(data: ReportData) -> list[tuple[str, dict[str, float]]]:
    # Weaker than the whole by more than chance: the interval ends below the accuracy of all.
    found = [
        (name, part)
        for name, part in data.slices.items()
        if part["accuracy_high"] < data.metrics["accuracy"]
    ]
    return sorted(found, key=lambda item: (item[1]["accuracy"], item[0]))[:MOST_SLICES]


def _list(names: list[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(escape(name) for name in names[:10]) + more
