"""Rules of mlops.evaluation.behaviour."""

from typing import Any

import numpy as np
import pytest

from mlops.config.schema import Behaviour
from mlops.core.errors import ConfigError
from mlops.evaluation import behaviour
from mlops.evaluation.behaviour import Result
from mlops.evaluation.metrics import Floats

LABELS = ["negative", "positive"]


def by_length(texts: list[str]) -> Floats:
    """Find a text the more positive, the longer it is; over 20 characters it is positive."""
    positive = np.array([min(len(text), 40) / 40 for text in texts])
    return np.stack([1 - positive, positive], axis=1)


def run(texts: list[str], **test: Any) -> Result:
    """Run one test."""
    found = behaviour.run([Behaviour(name="one", **test)], texts, LABELS, by_length)
    return found[0]


@pytest.mark.parametrize(
    ("text", "swapped"),
    [
        ("he saw Anna.", "she saw Maria."),
        ("HE said: he, He!", "SHE said: she, She!"),
        ("the help of heather", "the help of heather"),
        ("she", "he"),
        ("héhe", "héhe"),
        ("\N{LATIN SMALL LETTER LONG S}he", "\N{LATIN SMALL LETTER LONG S}he"),
    ],
)
def test_whole_words_are_swapped_in_their_case(text: str, swapped: str) -> None:
    """Parts of words stay, both directions at once do not undo each other."""
    assert behaviour.swap(text, {"he": "she", "she": "he", "Anna": "Maria"}) == swapped


def test_words_of_scripts_without_spaces_are_found_within_a_sentence() -> None:
    """In Chinese there is no boundary to ask for."""
    assert behaviour.swap("我在北京看电影", {"北京": "上海"}) == "我在上海看电影"


def test_the_longest_word_wins() -> None:
    """A name that begins with another is replaced as a whole."""
    assert behaviour.swap("New York, New", {"New": "Old", "New York": "Rome"}) == "Rome, Old"


def test_invariance_fails_where_a_swap_changes_the_answer() -> None:
    """Only texts with the word count; what changed is shown."""
    texts = ["Anna likes it", "Anna liked this one", "nobody liked the film at all"]

    found = run(texts, replace={"Anna": "Alexandra"}, min_pass_rate=0.5)

    assert (found.kind, found.n, found.pass_rate, found.passed) == ("invariance", 2, 0.5, True)
    assert found.failures == [
        ("Anna liked this one → Alexandra liked this one", "negative", "positive")
    ]


def test_invariance_without_a_text_is_not_run() -> None:
    """Nothing passed, nothing failed."""
    found = run(["no such name"], replace={"Anna": "Maria"})

    assert (found.n, found.pass_rate, found.passed) == (0, None, None)


def test_invariance_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long test split the first texts with the word are enough."""
    monkeypatch.setattr(behaviour, "MOST_TEXTS", 3)

    assert run(["Anna"] * 10, replace={"Anna": "Mary"}).n == 3


def test_directional_asks_for_a_rising_probability() -> None:
    """Equal is not risen."""
    pairs = [
        {"before": "good", "after": "very good", "label": "positive"},
        {"before": "good", "after": "fine", "label": "positive"},
    ]

    found = run([], pairs=pairs)

    assert (found.kind, found.pass_rate, found.passed) == ("directional", 0.5, False)
    assert found.failures == [("good → fine", "p(positive) rises", "0.1000 → 0.1000")]


def test_minimum_functionality_asks_for_the_label() -> None:
    """A wrong answer is shown with the right one."""
    found = run(
        [], cases=[{"text": "ok", "label": "negative"}, {"text": "no", "label": "positive"}]
    )

    assert (found.kind, found.n, found.pass_rate) == ("minimum functionality", 2, 0.5)
    assert found.failures == [("no", "positive", "negative")]


def test_at_most_five_failures_are_kept() -> None:
    """The rate counts all of them."""
    found = run([], cases=[{"text": f"no {n}", "label": "positive"} for n in range(9)])

    assert (len(found.failures), found.failed, found.pass_rate) == (5, 9, 0.0)


def test_a_label_may_be_written_as_a_number() -> None:
    """YAML reads 1 as a number, the data holds its name."""
    test = Behaviour.model_validate({"name": "one", "cases": [{"text": "ok", "label": 0}]})

    assert behaviour.run([test], [], ["0", "1"], by_length)[0].passed is True


def test_an_unknown_label_is_a_wrong_configuration() -> None:
    """It is told with the test's name and the label that was probably meant."""
    with pytest.raises(ConfigError, match=r"'one'.*did you mean 'positive'"):
        run(["text"], cases=[{"text": "ok", "label": "posive"}])
