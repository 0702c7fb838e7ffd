"""How far a window is, and how sure that is: chance, requests of many texts, texts that lack."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drifted import sample
from mlops.operate.drift.estimate import estimate
from mlops.operate.drift.rows import Rows

WORDS = np.array([f"word{n}" for n in range(3000)])
FREQUENCY = 1 / np.arange(1, 3001)


def with_texts(rows: Rows, seed: int, more: str = "") -> Rows:
    """Return rows with texts of which most words are rare, as in any language."""
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(WORDS, 12, p=FREQUENCY / FREQUENCY.sum()) for _ in range(len(rows))]
    return replace(rows, texts=[f"{' '.join(words)} {more}" for words in drawn])


def test_a_shift_is_measured() -> None:
    """Of the class that is predicted, by what it is, and of nothing else."""
    found = estimate(sample(2000, 1), sample(1000, 2, positive=0.7)).known

    assert found["predicted_class"].distance == pytest.approx(0.2, abs=0.05)
    assert {name for name, one in found.items() if one.distance > 0.07} == {"predicted_class"}


def test_a_list_counts_as_the_one_request_that_it_is() -> None:
    """Of ten equal texts a figure is less sure than of ten requests."""
    once = sample(100, 5, positive=0.8)
    ten: dict[str, Any] = {
        name: np.repeat(getattr(once, name), 10) for name in vars(once) if name != "texts"
    }
    listed = Rows(**ten)
    asked = replace(listed, requests=np.arange(1000))

    errors = [
        estimate(sample(5000, 1), one).known["predicted_class"].error for one in (listed, asked)
    ]

    # The root of ten, were the reference without an error of its own.
    assert errors[0] / errors[1] == pytest.approx(2.8, rel=0.15)


def test_words_of_a_small_window_are_not_far() -> None:
    """Though two samples of the same texts have few rare words in common."""
    found = estimate(with_texts(sample(500, 1), 1), with_texts(sample(200, 2), 2))

    assert found.known["vocabulary"].distance < 0.02
    assert found.known["embedding"].distance < 0.15
    assert found.moved == []


def test_the_words_that_moved_are_named() -> None:
    """And texts with them are told apart."""
    found = estimate(with_texts(sample(400, 1), 1), with_texts(sample(200, 2), 2, "refund"))

    assert (found.moved[0].word, found.moved[0].before) == ("refund", 0)
    assert found.moved[0].now == pytest.approx(1)
    assert found.known["vocabulary"].distance > 0.02
    assert found.known["embedding"].distance > 0.9


def test_a_word_of_one_list_has_not_moved() -> None:
    """However many of its texts have it."""
    rows = replace(sample(400, 2), requests=np.maximum(np.arange(400) - 200, 0))
    plain = with_texts(rows, 2)
    texts = [f"{text} refund" if n < 201 else text for n, text in enumerate(plain.texts or ())]

    assert estimate(with_texts(sample(400, 1), 1), replace(plain, texts=texts)).moved == []


def test_words_of_scripts_without_spaces_are_compared() -> None:
    """By their signs."""
    old = replace(sample(60, 1), texts=["面白い映画"] * 60)
    found = estimate(old, replace(sample(60, 2), texts=["悪い映画"] * 60))

    assert {one.word for one in found.moved} == {"面", "白", "悪"}


def test_without_texts_two_statistics_say_that_they_lack() -> None:
    """With the reason."""
    found = estimate(sample(100, 1), sample(100, 2))

    assert set(found.unavailable) == {"vocabulary", "embedding"}
    assert "request_log.texts" in found.unavailable["embedding"]
    assert not set(found.unavailable) & set(found.known)
