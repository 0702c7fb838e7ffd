"""The model card in Hugging Face's format, written from what is known. No file is read.

It has no time and no commit in it: the same inputs give the same card.
"""

import re
from pathlib import Path

import jinja2
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from mlops.core.project import project
from mlops.reporting.display import number, percent
from mlops.reporting.report import SYNTHETIC, Facts, verdict

TEMPLATE = Path(__file__).with_name("model_card.md.j2")
UNCALIBRATED = 0.05  # mean gap of confidence and accuracy that misleads whoever sets a threshold
MOST_SLICES = 5


def render(facts: Facts) -> str:
    """Return the card: metadata for the hub, and the text."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        card_data=metadata(facts).to_yaml(),
        facts=facts,
        params=facts.params,
        metrics=facts.metrics,
        verdict=verdict(facts.metrics),
        limits=limits(facts),
        scores=project().scores(),
        data=data_name(facts),
        origin=origin(facts),
        escape=escape,
        code=code,
        number=number,
        percent=percent,
    )
    return f"{ModelCard(text)}\n"


def metadata(facts: Facts) -> ModelCardData:
    """Return what the hub reads; language and licence are not known here, so not told."""
    model, data = facts.params.model, data_name(facts)
    results = [
        EvalResult(
            task_type="text-classification",
            dataset_type=re.sub(r"[^\w./-]+", "-", data).strip("-").lower() or "data",
            dataset_name=data,
            dataset_split="test",
            metric_type=kind,
            metric_name=project().scores()[key].title,
            metric_value=round(facts.metrics[key], 6),
        )
        for key, kind in (("accuracy", "accuracy"), ("macro_f1", "f1"))
    ]
    from_hub = model.pretrained and facts.params.snapshot.pretrained is None
    return ModelCardData(
        model_name=f"{model.name}-{model.version}",
        eval_results=results,
        base_model=model.pretrained if from_hub else None,
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=["text-classification", *(["synthetic-data"] if facts.synthetic else [])],
    )


def data_name(facts: Facts) -> str:
    """Name the data; of a file or folder by its last part, for the rest differs by machine."""
    source = str(facts.data.get("source", {}).get("train", "data"))
    if facts.synthetic:
        return "synthetic film verdicts"
    if source.startswith("hf:"):
        return re.split("[:@#]", source.removeprefix("hf:"))[0]
    return Path(source).stem or source


def origin(facts: Facts) -> str:
    """Tell what the training started from."""
    model = facts.params.model
    if model.pretrained is None:
        return f"{project().describe(model)}, from random weights"
    if facts.params.snapshot.pretrained:
        return f"the pretrained model in the local folder {code(Path(model.pretrained).name)}"
    at = f" at revision {code(model.revision)}" if model.revision else ""
    return f"the pretrained model {code(model.pretrained)}{at}"


def limits(facts: Facts) -> list[str]:
    """Say where the model must not be trusted, as far as the figures tell."""
    metrics, told = facts.metrics, [SYNTHETIC] if facts.synthetic else []
    told.append(
        f"It was judged on {number(facts.rows['test'])} texts of the same source as its training "
        "texts; other sources, topics or times may be harder."
    )
    cut = metrics.get("truncated", 0)
    many = f", as {percent(cut)} of the training texts were" if cut else ""
    told.append(f"A text is cut after {facts.params.model.max_length} tokens{many}.")
    unseen = [label for label in facts.labels if not metrics["per_class"][label]["support"]]
    if unseen:
        told.append(f"Nothing is known about classes that the test split lacks: {_list(unseen)}.")
    told += [
        f"It is weaker where {escape(name)}: right for {percent(part['accuracy'])} "
        f"of {number(part['rows'])} texts."
        for name, part in _weak(facts)
    ]
    if metrics["ece"] > UNCALIBRATED:
        told.append(
            f"Its confidence is off by {percent(metrics['ece'])} on average: "
            "calibrate it before you set a threshold."
        )
    failed = [result.name for result in facts.behaviour if result.passed is False]
    if failed:
        told.append(f"It failed these behaviour tests: {_list(failed)}.")
    return told


def escape(text: str) -> str:
    """Write a text of the data so that Markdown shows it as it is."""
    return re.sub(r"([\\|<>\[\]*_`#])", r"\\\1", " ".join(str(text).split()))


def code(text: object) -> str:
    """Write a text as code, in a table too."""
    return f"`{' '.join(str(text).replace('`', chr(39)).replace('|', '&#124;').split())}`"


def _weak(facts: Facts) -> list[tuple[str, dict[str, float]]]:
    # Weaker than the whole by more than chance: the interval ends below the accuracy of all.
    found = [
        (name, part)
        for name, part in facts.slices.items()
        if part["accuracy_high"] < facts.metrics["accuracy"]
    ]
    return sorted(found, key=lambda item: (item[1]["accuracy"], item[0]))[:MOST_SLICES]


def _list(names: list[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(escape(name) for name in names[:10]) + more
