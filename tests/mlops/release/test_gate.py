"""The gate: what it accepts, and one test for each way in which a model must be rejected."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import releases
from ml.config import Params
from mlops.release import gate
from mlops.release.evidence import Split
from mlops.release.verdict import Verdict

# A bound that this machine's speed cannot break: what is slow is tested by its own.
BOUNDS = {"max_latency_ms": 1e6, "min_worst_slice": 0.2, "max_ece": 0.5}


@pytest.fixture(name="judged_by")
def _judged_by(make_params: Callable[..., Params]) -> Params:
    return make_params(gate=BOUNDS, evaluate={"slice_columns": [], "behaviour": []})


@pytest.fixture(name="test")
def _test(project: Path) -> Split:
    return releases.test_split(project)


Make = Callable[..., Path]


@pytest.fixture(name="make")
def _make(project: Path, test: Split, judged_by: Params) -> Make:
    """Return a function that writes a release by what its model knows."""
    count = iter(range(100))

    def make(feeling: dict[str, float], judged_as: Path | None = None) -> Path:
        return releases.write(
            project / f"release{next(count)}", test, judged_by, feeling, judged_as
        )

    return make


def decide(challenger: Path, champion: Path | None, params: Params) -> Verdict:
    """Return the verdict on a release as version 2, against one that is version 1."""
    ours = (releases.version(challenger, 2), challenger)
    theirs = (releases.version(champion, 1), champion) if champion else None
    return gate.decide(ours, theirs, params)


def failed(verdict: Verdict) -> set[str]:
    """Return the criteria that were not met."""
    return {check.criterion for check in verdict.checks if not check.passed}


def test_the_first_model_is_judged_by_the_bounds_alone(make: Make, judged_by: Params) -> None:
    """Without a champion nothing is compared."""
    verdict = decide(make(releases.GOOD), None, judged_by)

    assert verdict.accepted, verdict.reasons
    assert not [check for check in verdict.checks if "champion" in check.criterion]


def test_a_better_model_is_accepted(make: Make, judged_by: Params) -> None:
    """Its lead is larger than chance explains."""
    verdict = decide(make(releases.GOOD), make(releases.WEAK), judged_by)

    assert verdict.accepted, verdict.reasons


def test_worse_than_the_champion_is_rejected(make: Make, judged_by: Params) -> None:
    """Also where it is within all bounds."""
    loose = judged_by.model_copy(
        update={"gate": judged_by.gate.model_copy(update={"min_accuracy": 0.1, "min_recall": 0.0})}
    )

    assert "lead over the champion" in failed(
        decide(make(releases.WEAK), make(releases.GOOD), loose)
    )


@pytest.mark.parametrize("feeling", [releases.GOOD, {**releases.GOOD, "great": 3.0}])
def test_equal_within_noise_is_rejected(
    make: Make, judged_by: Params, feeling: dict[str, float]
) -> None:
    """No lead is not enough to change what is live."""
    verdict = decide(make(feeling), make(releases.GOOD), judged_by)

    assert failed(verdict) == {"lead over the champion"}


def of_one_model(*found: Path) -> list[Path]:
    """Put the same trained model into releases."""
    for release in found:
        (release / "model").mkdir()
        (release / "model" / "weights").write_text("trained")
    return list(found)


def test_the_same_model_served_by_other_code_must_answer_as_before(
    make: Make, judged_by: Params
) -> None:
    """It cannot be better than itself, but a mended service must be able to go live."""
    mended, live = of_one_model(make(releases.GOOD), make(releases.GOOD))
    assert decide(mended, live, judged_by).accepted
    broken, live = of_one_model(make({**releases.GOOD, "great": 0.0}), make(releases.GOOD))
    loose = judged_by.model_copy(
        update={"gate": judged_by.gate.model_copy(update={"min_accuracy": 0.1, "min_recall": 0.0})}
    )

    assert "labels of the same model agree" in failed(decide(broken, live, loose))
    (broken / "model" / "weights").write_text("of another one")
    assert "lead over the champion" in failed(decide(broken, live, loose))


def test_a_lead_that_chance_explains_is_rejected(
    make: Make, test: Split, judged_by: Params
) -> None:
    """Two more right answers of 400 are luck."""
    test.rows[0, "label"] = 1 - test.rows[0, "label"]
    ours, theirs = make(releases.GOOD), make({**releases.GOOD, "film": -0.1})

    assert "lead over the champion" in failed(decide(ours, theirs, judged_by))


def test_a_metric_that_is_no_number_is_rejected(make: Make, judged_by: Params) -> None:
    """NaN is neither above nor below a bound."""
    release = make(releases.GOOD)
    releases.change(release, lambda told: {**told, "accuracy": float("nan")})

    assert failed(decide(release, None, judged_by)) == {"reported accuracy"}


def test_a_missing_metric_is_rejected(make: Make, judged_by: Params) -> None:
    """What is not there was not judged."""
    release = make(releases.GOOD)
    releases.change(release, lambda told: {"accuracy": told["accuracy"]})

    assert {"reported macro_f1", "reported calibration error"} <= failed(
        decide(release, None, judged_by)
    )


def test_answers_that_are_no_numbers_are_rejected(make: Make, judged_by: Params) -> None:
    """A model whose weights diverged."""
    release = make(releases.GOOD)
    diverged = make({word: float("nan") for word in releases.WORDS}, judged_as=release)

    assert failed(decide(diverged, None, judged_by)) == {"the challenger predicts"}


def test_a_model_of_shuffled_labels_is_rejected(make: Make, judged_by: Params) -> None:
    """It learned the contrary, or nothing."""
    shuffled = {word: -value for word, value in releases.GOOD.items()}

    assert {"accuracy", "macro F1"} <= failed(decide(make(shuffled), None, judged_by))


def test_shuffled_labels_of_the_test_split_are_seen(
    project: Path, make: Make, test: Split, judged_by: Params
) -> None:
    """The model was judged with other labels than those at hand."""
    release = make(releases.GOOD)
    shuffled = test.rows.with_columns(label=1 - pl.col("label"))
    shuffled.write_parquet(project / "data" / "prepared" / "test.parquet")

    assert "evaluated on this data" in failed(decide(release, None, judged_by))


def test_a_model_judged_on_other_data_is_rejected(
    project: Path, make: Make, test: Split, judged_by: Params
) -> None:
    """Its figures say nothing of the test split at hand."""
    release = make(releases.GOOD)
    test.rows.head(300).write_parquet(project / "data" / "prepared" / "test.parquet")

    assert "evaluated on this data" in failed(decide(release, None, judged_by))


def test_metrics_edited_by_hand_are_rejected(make: Make, judged_by: Params) -> None:
    """They are not what the answers give, although the registry has the edited file."""
    release = make(releases.GOOD)
    releases.change(release, lambda told: {**told, "macro_f1": 0.99})

    assert failed(decide(release, None, judged_by)) == {"reported macro_f1"}


def test_files_changed_after_registration_are_rejected(make: Make, judged_by: Params) -> None:
    """Whoever can write to the artifacts cannot get past the hash on the version."""
    release = make(releases.GOOD)
    ours = releases.version(release, 2)
    (release / "reports" / "note").write_text("x")

    assert failed(gate.decide((ours, release), None, judged_by)) == {"registered files"}


def test_an_unreadable_champion_stops_the_promotion(make: Make, judged_by: Params) -> None:
    """What cannot be compared is not better."""
    champion = make(releases.WEAK)
    registered = releases.version(champion, 1)
    (champion / "bento" / "cpu.onnx").write_bytes(b"no graph")

    for found in (champion, None):
        ours = make(releases.GOOD)
        verdict = gate.decide((releases.version(ours, 2), ours), (registered, found), judged_by)
        assert "the champion predicts" in failed(verdict)


def test_a_slow_model_is_rejected(make: Make, judged_by: Params) -> None:
    """Latency is measured here, on what would be served."""
    bounds = judged_by.gate.model_copy(update={"max_latency_ms": 1e-6})
    strict = judged_by.model_copy(update={"gate": bounds})

    assert failed(decide(make(releases.GOOD), None, strict)) == {"latency, p95 ms"}


def test_a_large_model_is_rejected(make: Make, judged_by: Params) -> None:
    """Size counts all that is served."""
    bounds = judged_by.gate.model_copy(update={"max_size_mb": 1e-6})
    strict = judged_by.model_copy(update={"gate": bounds})

    assert failed(decide(make(releases.GOOD), None, strict)) == {"size, MB"}


def test_an_export_that_disagrees_with_the_trained_model_is_rejected(
    make: Make, judged_by: Params
) -> None:
    """The trained model is good, what would be served is another one."""
    trained = make(releases.GOOD)

    served = make(releases.WEAK, judged_as=trained)

    assert "parity" in failed(decide(served, None, judged_by))


def test_a_model_that_always_answers_one_class_is_rejected(make: Make, judged_by: Params) -> None:
    """Even where the bounds of accuracy are low, for it never finds the other class."""
    bounds = judged_by.gate.model_copy(update={"min_accuracy": 0.1, "min_macro_f1": 0.1})
    loose = judged_by.model_copy(update={"gate": bounds})

    assert "recall of each class" in failed(decide(make(releases.ONE_CLASS), None, loose))


def test_too_few_test_rows_are_rejected(make: Make, judged_by: Params) -> None:
    """They cannot tell models apart."""
    bounds = judged_by.gate.model_copy(update={"min_rows": 401})
    strict = judged_by.model_copy(update={"gate": bounds})

    assert failed(decide(make(releases.GOOD), None, strict)) == {"test rows"}


def test_a_verdict_without_checks_is_no_acceptance() -> None:
    """Nothing found wrong because nothing was looked at."""
    assert not Verdict("toy version 1", None, ()).accepted


def test_the_verdict_tells_each_criterion(make: Make, judged_by: Params) -> None:
    """As a table with what was found and wanted, and as JSON of the same."""
    verdict = decide(make(releases.WEAK), make(releases.GOOD), judged_by)
    values = json.loads(json.dumps(verdict.values()))

    assert values["verdict"] == "rejected"
    assert "toy version 2 is rejected" in verdict.lines()[-1]
    for check in values["checks"]:
        assert any(check["criterion"] in line for line in verdict.lines())
