"""Rules of mlops.operate.progressive: what is good, bad or unknown, by counts alone."""

from collections.abc import Mapping
from typing import Any

import pytest
from scipy.stats import binomtest

from mlops.config.operating import Canary, Objectives
from mlops.core.errors import OperateError
from mlops.operate.progressive import counts, held_out, intervals, verdict
from mlops.operate.progressive.counts import Counts, Series
from mlops.operate.progressive.intervals import Part
from mlops.operate.progressive.verdict import Criteria

OBJECTIVES = Objectives(
    availability=0.999, latency_seconds=0.25, latency_share=0.99, min_requests=100
)
CANARY = Canary(
    steps=[5, 25, 100], min_requests=200, step_seconds=900, max_shift=0.15, max_refused=0.02
)


def series(label: str, values: Mapping[str, float]) -> Series:
    """Return a counter by one label."""
    return {frozenset({(label, name)}): value for name, value in values.items()}


def answered(
    codes: Mapping[str, float], classes: Mapping[str, float], slow: float = 0, told: bool = True
) -> Counts:
    """Return what a version has counted, by the proxy and (if it tells) by itself."""
    good = codes.get("200", 0.0)
    seconds = series("le", {"0.25": good - slow, "+Inf": good})
    requests = series("http_response_code", codes) if told else {}
    return Counts(
        series("code", codes), seconds, requests, seconds if told else {}, series("label", classes)
    )


STABLE = answered({"200": 4000, "400": 40}, {"pos": 2400, "neg": 1600}, slow=4)


def answers(canary: Counts, **options: Any) -> set[str]:
    """Return which answers are given of a canary."""
    found = Criteria(OBJECTIVES, CANARY, **options).findings(canary, STABLE)
    return {one.answer for one in found}


def test_a_version_that_does_as_well_is_good() -> None:
    """Enough requests, and each difference within what may be."""
    assert answers(answered({"200": 210, "400": 2}, {"pos": 130, "neg": 80})) == {"good"}


@pytest.mark.parametrize(
    "canary",
    [
        answered({}, {}),
        answered({"200": 199}, {"pos": 120, "neg": 79}),
        answered({"200": 210}, {}),  # it answers, and does not tell what
        answered({"200": 210}, {"pos": 130, "neg": 80}, told=False),
        # One error is no proof, and neither is it none.
        answered({"200": 210, "500": 1}, {"pos": 130, "neg": 80}),
    ],
)
def test_what_is_not_shown_is_never_good(canary: Counts) -> None:
    """No requests, too few, no predictions, not scraped, one error among few."""
    assert "unknown" in answers(canary)
    assert "bad" not in answers(canary)


@pytest.mark.parametrize(
    "canary",
    [
        answered({"500": 10}, {}),
        answered({"503": 10}, {}),
        answered({"499": 10}, {}),
        answered({"200": 950, "500": 50}, {"pos": 570, "neg": 380}),
        answered({"502": 10}, {}, told=False),  # dead: only the proxy can say so
        answered({"200": 30}, {"pos": 18, "neg": 12}, slow=30),
        answered({"200": 200, "400": 60}, {"pos": 120, "neg": 80}),
        answered({"200": 60}, {"neg": 60}),
        answered({"200": 60}, {"LABEL_1": 36, "LABEL_0": 24}),
    ],
)
def test_what_is_shown_to_be_worse_is_bad(canary: Counts) -> None:
    """However few requests that took."""
    assert "bad" in answers(canary)


def test_a_shift_may_be_allowed_but_not_without_requests() -> None:
    """A person may accept other predictions, never fewer requests or an error."""
    shifted = answered({"200": 210}, {"pos": 10, "neg": 200})
    assert "bad" in answers(shifted)
    assert answers(shifted, allow_shift=True) == {"good"}
    few = answered({"200": 60}, {"neg": 60})
    assert answers(few, allow_shift=True) == {"unknown"}
    failing = answered({"200": 210, "500": 50}, {"neg": 210})
    assert "bad" in answers(failing, allow_shift=True)


def test_versions_that_both_fail_are_unknown() -> None:
    """A canary that is no worse than a stable that is broken is not good for that."""
    broken = answered({"200": 3000, "500": 1000}, {"pos": 1800, "neg": 1200})
    canary = answered({"200": 300, "500": 100}, {"pos": 180, "neg": 120})
    found = Criteria(OBJECTIVES, CANARY).findings(canary, broken)
    assert {one.name: one.answer for one in found}["errors"] == "unknown"


def test_what_hangs_is_seen_by_the_answers_that_do_not_come() -> None:
    """It counts no error and no latency; its share of the requests is missing."""
    stable, silent = answered({"200": 300}, {}), answered({}, {})
    late, fair = answered({"200": 10}, {}), answered({"200": 16}, {})

    assert verdict.arrived(silent, stable, 5).answer == "bad"
    assert verdict.arrived(late, stable, 5).answer == "good"
    assert verdict.arrived(fair, stable, 5).answer == "good"
    assert verdict.arrived(silent, answered({"200": 30}, {}), 5).answer == "good"


def test_a_version_that_is_not_scraped_any_more_is_unknown() -> None:
    """Where pods alone count, one failed scrape takes the series away: that is no lost answer."""
    stable = Counts(requests=series("http_response_code", {"200": 300}))
    silent = Counts(requests=series("http_response_code", {"200": 0}))

    assert verdict.arrived(Counts(), stable, 5).answer == "unknown"
    assert verdict.arrived(silent, stable, 5).answer == "bad"


def test_counts_are_told_apart_by_series() -> None:
    """One that was born at 20 counts 20; one that began again counts from 0."""
    before = Counts(proxied=series("code", {"200": 100, "404": 9}))
    now = Counts(proxied=series("code", {"200": 130, "502": 20, "404": 3}))
    assert now.since(before).by_proxy == {"200": 30, "502": 20, "404": 3}
    assert counts.failed(now.since(before).by_proxy) == Part(20, 53)


def test_intervals_are_wilsons() -> None:
    """As scipy has them."""
    for hits, rows in ((0, 10), (3, 200), (200, 200)):
        mine = intervals.share(Part(hits, rows), intervals.z_of(0.95))
        scipys = binomtest(hits, rows).proportion_ci(0.95, method="wilson")
        assert (mine.low, mine.high) == pytest.approx((scipys.low, scipys.high), abs=1e-9)


def test_newcombes_interval_is_that_of_his_paper() -> None:
    """56 of 70 against 48 of 80: 0.0524 to 0.3339 (Newcombe 1998, method 10)."""
    found = intervals.difference(Part(56, 70), Part(48, 80), intervals.z_of(0.95))
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_rare_classes_do_not_make_a_shift() -> None:
    """Hundreds of classes that each version has drawn now and then are put together."""
    one = {f"class {n}": 1 for n in range(0, 300, 2)} | {"usual": 1000}
    other = {f"class {n}": 1 for n in range(1, 300, 2)} | {"usual": 1000}
    assert intervals.shift(one, other, 3.29).value == pytest.approx(0)


class Pod:
    """Answers a list of texts with one label after the other."""

    name = "pod"

    def __init__(self, labels: list[str]) -> None:
        self._labels = labels

    def ask(self, _path: str, body: Any = None) -> Any:
        """Answer."""
        found, self._labels = self._labels[: len(body["texts"])], self._labels[len(body["texts"]) :]
        return {"results": [{"label": one} for one in found]}

    def ended(self) -> str:
        """It has not."""
        return ""


def test_labels_that_are_swapped_are_seen_where_both_are_as_frequent() -> None:
    """No share of live traffic shows that; held-out rows do, before anybody is asked."""
    rows = [(f"text {n}", ("pos", "neg")[n % 2]) for n in range(200)]
    then = [label for _, label in rows]
    swapped = ["neg" if one == "pos" else "pos" for one in then]

    assert held_out.check(Pod(then), rows, 0.995).startswith("200 of 200")
    assert held_out.check(Pod(["neg", *then[1:]]), rows, 0.995).startswith("199 of 200")
    with pytest.raises(OperateError, match="only 0 of 200 held-out rows"):
        held_out.check(Pod(swapped), rows, 0.995)
