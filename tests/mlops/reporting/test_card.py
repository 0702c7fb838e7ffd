"""Rules of mlops.reporting.card."""

from collections.abc import Callable

import pytest
from huggingface_hub import ModelCard

import report_data
from ml.config import Params
from mlops.reporting import card

MakeParams = Callable[..., Params]
LABELS = ["not_spam", "spam|ham"]


def test_the_hub_reads_the_card(params: Params) -> None:
    """Metadata name task, data and results; language and licence are unknown and so left out."""
    data = ModelCard(card.render(report_data.make(params, LABELS))).data.to_dict()  # type: ignore[no-untyped-call]

    results = data["model-index"][0]["results"][0]["metrics"]
    assert (data["pipeline_tag"], "language" in data, "license" in data) == (
        "text-classification",
        False,
        False,
    )
    assert {"accuracy": 0.9, "f1": 0.68, "log_loss": 0.5}.items() <= {
        result["type"]: result["value"] for result in results
    }.items()


def test_a_card_tells_no_absolute_path(params: Params) -> None:
    """A file of data is named by its last part: two machines give the same card."""
    text = card.render(report_data.make(params, LABELS))

    assert "/home/somebody" not in text
    assert "Trained on** films: 4,000 texts" in text


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("hf:stanford/sst2:plain@abc#train", "stanford/sst2"),
        ("s3://b/data/train.csv.gz", "train.csv"),
    ],
)
def test_data_are_named_by_what_does_not_differ(params: Params, source: str, name: str) -> None:
    """A data set of the hub by its name, a URL by its last part."""
    found = report_data.make(params, LABELS, stats={"source": {"train": source}})

    assert card.source(found) == name


def test_synthetic_data_is_the_first_limit(params: Params) -> None:
    """The card says that the model knows no English, and tags it."""
    found = report_data.make(params, LABELS, synthetic=True)

    assert "learned the grammar" in card.limits(found)[0]
    assert "synthetic-data" in (card.metadata(found).tags or [])


def test_limits_name_what_is_weak(params: Params) -> None:
    """Slices below the whole by more than chance, failed tests and bad calibration."""
    found = report_data.make(params, LABELS)
    found.metrics["ece"] = 0.1

    told = " ".join(card.limits(found))

    assert "weaker where kind=hard: right for 50.0" in told
    assert "kind=easy" not in told
    assert "off by 10.0" in told
    assert "behaviour tests: names." in told


def test_a_class_without_test_rows_is_told(params: Params) -> None:
    """Nothing is known about it."""
    found = report_data.make(params, LABELS)
    found.metrics["per_class"]["not_spam"] = {"support": 0}

    assert r"that the test split lacks: not\_spam." in " ".join(card.limits(found))
    assert r"| not\_spam | - | - | - | 0 |" in card.render(found)


def test_names_do_not_break_the_tables(params: Params) -> None:
    """A bar in a label is escaped: each row has as many cells as its head, and follows it."""
    text = card.render(report_data.make(params, LABELS))
    lines = text.splitlines()

    row = next(line for line in lines if line.startswith(r"| spam\|ham"))

    assert row.replace(r"\|", "").count("|") == 6
    assert "|---|---:|---:|---:|\n| accuracy |" in text


def test_a_name_is_no_markup(make_params: MakeParams) -> None:
    """Neither in the title nor where it stands as code."""
    evil = "<img src=x onerror=alert(1)> [a](http://x.test)"
    params = make_params(model={"name": evil, "pretrained": "a`<b>`", "revision": "r|`"})
    found = report_data.make(params, LABELS)
    title = card.render(found).split("\n---\n", 1)[1].strip().splitlines()[0]

    assert title.startswith(r"# \<img src=x onerror=alert(1)\> \[a\]")
    assert card.origin(found).endswith("`a'<b>'` at revision `r&#124;'`")


@pytest.mark.parametrize(
    ("model", "snapshot", "origin", "base"),
    [
        ({}, {}, "a llama of 2 layers, from random weights", None),
        ({"pretrained": "org/m", "revision": "abc"}, {}, "`org/m` at revision `abc`", "org/m"),
        ({"pretrained": "/x/m"}, {"pretrained": "0"}, "local folder `m`", None),
        ({"architecture": "custom", "custom": "mean_pool"}, {}, "class `mean_pool`", None),
    ],
)
def test_the_card_tells_what_the_training_started_from(
    make_params: MakeParams,
    model: dict[str, str],
    snapshot: dict[str, str],
    origin: str,
    base: str | None,
) -> None:
    """Random weights, the hub, a local folder or an own class; only the hub has a base model."""
    params = make_params(model=model, snapshot=snapshot)
    found = report_data.make(params, LABELS)

    assert origin in card.origin(found)
    assert card.metadata(found).base_model == base
