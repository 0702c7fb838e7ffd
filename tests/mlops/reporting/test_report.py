"""Rules of mlops.reporting.report."""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

import report_data
from ml.config import Params
from ml.evaluation.scores import SCORES
from mlops.evaluation.results import Baseline
from mlops.reporting import card, report
from mlops.reporting.plots import PLOTS

EVIL = "<script>alert(1)</script>"
PICTURES = dict.fromkeys(PLOTS, b"png")
VOID = {"meta", "img", "br", "input"}


class Page(HTMLParser):
    """Collect tags, and those that were not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the tag and what it points at."""
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the tag that was opened last."""
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(params: Params) -> None:
    """All tags are closed, all pictures are in the page, nothing is linked."""
    page = Page(report.render(report_data.make(params, ["a", "b"]), PICTURES))

    assert page.open == []
    assert len(page.links) == len(PLOTS)
    assert all(link.startswith("data:image/png;base64,") for link in page.links)


def test_texts_and_names_of_the_data_are_never_markup(params: Params) -> None:
    """HTML in labels, texts, slices, behaviour tests and counts is shown, not run."""
    evil = report_data.make(
        params,
        [EVIL, "b"],
        errors=[
            {"text": EVIL, "label": EVIL, "predicted": EVIL, "confidence": 1.0, "slices": [EVIL]}
        ],
        slices={f"kind={EVIL}": report_data.PART},
        slices_left_out={EVIL: 1},
        stats={EVIL: {"a": {EVIL: EVIL}, "b": {EVIL: EVIL}}, "x": EVIL},
        lineage={EVIL: EVIL},
    )

    text = report.render(evil, PICTURES)

    assert EVIL not in text
    assert Page(text).tags.count("script") == 1


def test_the_browser_runs_no_script_but_ours(params: Params) -> None:
    """It knows ours by its digest; whatever else came into the page is refused."""
    text = report.render(report_data.make(params, ["a", "b"]), PICTURES)
    script = text.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

    assert script == report.SCRIPT.read_text()
    assert f"script-src 'sha256-{digest}'\"" in text


def test_the_page_begins_with_what_counts(make_params: Callable[..., Params]) -> None:
    """Experiment, model, the figure, the verdict and the pictures, before any table."""
    made = report_data.make(make_params(experiment="tickets"), ["a", "b"])
    text = report.render(made, PICTURES)
    order = ["<h1>tickets</h1>", ": 500 ", "<strong>90.0", "The model beats", "<img", "<table"]
    places = [text.index(part) for part in order]

    assert "<title>tickets: " in text
    assert places == sorted(places)
    assert re.findall(r"<summary>(\w+)", text) == ["Data", "Parameters", "Lineage"]


def test_an_interval_of_one_figure_is_not_shown(params: Params) -> None:
    """100.0 % to 100.0 % says nothing; what the rule of three says is there."""
    made = report_data.make(params, ["a", "b"])
    made.metrics.update(accuracy=1.0, accuracy_low=1.0, accuracy_high=1.0)
    text = report.render(made, PICTURES)

    assert "100.0\N{NO-BREAK SPACE}% to 100.0" not in text
    assert "right for 100.0\N{NO-BREAK SPACE}% of 500 test texts." in text
    assert "would still be plausible" in text


def test_no_difference_is_not_a_difference_of_nothing(params: Params) -> None:
    """Neither +0.0 points nor an interval of them."""
    made = report_data.make(params, ["a", "b"])
    made.metrics["baselines"]["tfidf"] |= {
        "accuracy": 0.9, "lead": 0.0, "lead_low": 0.0, "lead_high": 0.0,
    }  # fmt: skip
    text = report.render(made, PICTURES)

    assert "TF-IDF is right for the same texts" in text
    assert "+0.0" not in text
    assert "points of difference" not in text


def test_synthetic_data_is_said_so_at_the_top(params: Params) -> None:
    """Only then, and before any figure."""
    text = report.render(report_data.make(params, ["a", "b"], synthetic=True), PICTURES)

    assert text.index("this model learned the grammar") < text.index("90.0")
    assert "grammar" not in report.render(report_data.make(params, ["a", "b"]), PICTURES)


def test_what_was_not_run_is_not_passed(params: Params) -> None:
    """A behaviour test is passed, failed or not run."""
    text = report.render(report_data.make(params, ["a", "b"]), PICTURES)

    assert re.findall(r">(passed|failed)</span>|>(not run)", text) == [
        ("failed", ""),
        ("", "not run"),
    ]


def test_a_page_without_slices_errors_and_tests_says_so(params: Params) -> None:
    """Empty parts explain themselves."""
    empty = report_data.make(
        params, ["a", "b"], slices={}, slices_left_out={}, behaviour=[], errors=[], stats={}
    )

    text = report.render(empty, PICTURES)

    assert "No slice has" in text
    assert "No behaviour tests are configured" in text


def test_a_thousand_classes_make_a_page_of_bearable_length(params: Params) -> None:
    """The table of classes is cut, and says so."""
    text = report.render(report_data.make(params, [f"class {n}" for n in range(1000)]), PICTURES)

    assert "and 940 more classes" in text


def test_equal_data_give_equal_pages(params: Params) -> None:
    """No time, no order of a set."""
    pages = {report.render(report_data.make(params, ["a", "b"]), PICTURES) for _ in range(2)}

    assert len(pages) == 1


@pytest.mark.parametrize(
    ("lead", "shown"),
    [
        (0.2, "beats TF-IDF by +20.0 points (interval +15.0 to +25.0)"),
        (0.01, "does not beat TF-IDF clearly"),
        (-0.2, "TF-IDF is better"),
    ],
)
def test_the_verdict_follows_the_interval_of_the_difference(
    params: Params, lead: float, shown: str
) -> None:
    """Better than the best baseline only where the whole interval is above zero."""
    found = report_data.metrics(["a", "b"], lead)
    found["baselines"]["tfidf"]["accuracy"] = 0.8

    verdict = " ".join(report.verdict(report_data.make(params, ["a", "b"], metrics=found)))

    assert shown in verdict
    assert "TF-IDF 80.0\N{NO-BREAK SPACE}%, majority class 70.0" in verdict


def test_the_verdict_names_every_baseline_that_is_not_clearly_beaten(params: Params) -> None:
    """Not the best alone."""
    made = report_data.make(params, ["a", "b"])
    made.metrics["baselines"]["tfidf"] |= {"accuracy": 0.6, "lead_low": -0.1}

    assert "not clearly better than TF-IDF" in " ".join(report.verdict(made))


@pytest.mark.parametrize("names", [[], ["tfidf"], ["majority", "tfidf", "prior"]])
def test_a_project_has_the_baselines_that_it_likes(params: Params, names: list[str]) -> None:
    """None, one less or one more: report and card show those that there are, by their titles."""
    made = report_data.make(params, ["a", "b"])
    prior = Baseline("class prior", np.array([[0.5, 0.5]]), "shares of the classes")
    known = {**report_data.BASELINES, "prior": prior}
    shares = {**made.metrics["baselines"], "prior": made.metrics["baselines"]["tfidf"]}
    metrics = {**made.metrics, "baselines": {name: shares[name] for name in names}}
    baselines = {name: known[name] for name in names}
    made = replace(made, baselines=baselines, metrics=metrics)

    for text in (report.render(made, PICTURES), card.render(made)):
        shown = {name for name, baseline in known.items() if baseline.title in text}
        assert shown == set(names)
    head = next(line for line in card.render(made).splitlines() if "test texts | model" in line)
    assert head.count("|") == 3 + len(names)


def test_a_perfect_score_is_put_into_proportion(params: Params) -> None:
    """No error in 500 texts still allows for 0.6 % (rule of three)."""
    made = report_data.make(params, ["a", "b"])
    made.metrics["accuracy"] = 1

    assert "up to 0.6\N{NO-BREAK SPACE}%" in " ".join(report.verdict(made))


def test_report_and_card_show_every_score(params: Params) -> None:
    """A new one needs no edit there: it stands in both, by its title."""
    made = report_data.make(params, ["a", "b"])
    page = report.render(made, PICTURES)
    text = card.render(made)

    for score in SCORES.values():
        assert f">{score.title}</th>" in page
        assert f"\n| {score.title} | " in text
