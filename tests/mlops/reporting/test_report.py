"""Rules of mlops.reporting.report."""

import re
from html.parser import HTMLParser

import pytest

import facts
from ml.config import Params
from ml.evaluation.scores import SCORES
from mlops.reporting import card, report
from mlops.reporting.plots import PLOTS

EVIL = "<script>alert(1)</script>"
PICTURES = dict.fromkeys(PLOTS, b"png")
VOID = {"meta", "img", "br"}


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
    page = Page(report.render(facts.make(params, ["a", "b"]), PICTURES))

    assert page.open == []
    assert len(page.links) == len(PLOTS)
    assert all(link.startswith("data:image/png;base64,") for link in page.links)


def test_texts_and_names_of_the_data_are_never_markup(params: Params) -> None:
    """HTML in labels, texts, slices, behaviour tests and counts is shown, not run."""
    evil = facts.make(
        params,
        [EVIL, "b"],
        errors=[{"text": EVIL, "label": EVIL, "predicted": EVIL, "confidence": 1.0}],
        slices={f"kind={EVIL}": facts.PART},
        slices_left_out={EVIL: 1},
        data={EVIL: {"a": {EVIL: EVIL}, "b": {EVIL: EVIL}}, "x": EVIL},
        lineage={EVIL: EVIL},
    )

    text = report.render(evil, PICTURES)

    assert EVIL not in text
    assert "script" not in Page(text).tags


def test_synthetic_data_is_said_so_at_the_top(params: Params) -> None:
    """Only then, and before any figure."""
    text = report.render(facts.make(params, ["a", "b"], synthetic=True), PICTURES)

    assert text.index("this model learned the grammar") < text.index("90.0")
    assert "grammar" not in report.render(facts.make(params, ["a", "b"]), PICTURES)


def test_what_was_not_run_is_not_passed(params: Params) -> None:
    """A behaviour test is passed, failed or not run."""
    text = report.render(facts.make(params, ["a", "b"]), PICTURES)

    assert re.findall(r">(passed|failed)</span>|>(not run)", text) == [
        ("failed", ""),
        ("", "not run"),
    ]


def test_a_page_without_slices_errors_and_tests_says_so(params: Params) -> None:
    """Empty parts explain themselves."""
    empty = facts.make(
        params, ["a", "b"], slices={}, slices_left_out={}, behaviour=[], errors=[], data={}
    )

    text = report.render(empty, PICTURES)

    assert "No slice has" in text
    assert "No behaviour tests are configured" in text


def test_a_thousand_classes_make_a_page_of_bearable_length(params: Params) -> None:
    """The table of classes is cut, and says so."""
    text = report.render(facts.make(params, [f"class {n}" for n in range(1000)]), PICTURES)

    assert "and 940 more classes" in text


def test_equal_facts_give_equal_pages(params: Params) -> None:
    """No time, no order of a set."""
    pages = {report.render(facts.make(params, ["a", "b"]), PICTURES) for _ in range(2)}

    assert len(pages) == 1


@pytest.mark.parametrize(
    ("lead", "told"),
    [
        (0.2, "It beats TF-IDF by +20.0 points (interval +15.0 to +25.0)"),
        (0.01, "It does not beat TF-IDF clearly"),
        (-0.2, "TF-IDF is better"),
    ],
)
def test_the_verdict_follows_the_interval_of_the_difference(lead: float, told: str) -> None:
    """Better only where the whole interval is above zero."""
    assert told in " ".join(report.verdict(facts.metrics(["a", "b"], lead)))


def test_the_verdict_tells_a_model_that_learned_nothing() -> None:
    """An interval that holds the share of the largest class is no success."""
    found = facts.metrics(["a", "b"])
    found["baselines"]["majority"]["accuracy"] = 0.88

    assert "not clearly better than always answering" in " ".join(report.verdict(found))


def test_a_perfect_score_is_put_into_proportion() -> None:
    """No error in 500 texts still allows for 0.6 % (rule of three)."""
    found = facts.metrics(["a", "b"]) | {"accuracy": 1}

    assert "up to 0.6\N{NO-BREAK SPACE}%" in " ".join(report.verdict(found))


def test_report_and_card_show_every_score(params: Params) -> None:
    """A new one needs no edit there: it stands in both, by its title."""
    made = facts.make(params, ["a", "b"])
    page = report.render(made, PICTURES)
    text = card.render(made)

    for score in SCORES.values():
        assert f">{score.title}</th>" in page
        assert f"\n| {score.title} | " in text
