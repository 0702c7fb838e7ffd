"""Rules of ml.evaluation.baselines."""

import random

import numpy as np
import polars as pl
import pytest

from ml.evaluation import baselines
from ml.evaluation.baselines import thin
from mlops.evaluation.results import Baseline

ENGLISH = {0: ["bad", "dull", "poor"], 1: ["good", "fine", "great"]}
CHINESE = {0: ["难看", "无聊"], 1: ["好看", "精彩"], 2: ["一般", "普通"]}


def english(seed: int, rows: int) -> pl.DataFrame:
    """Return sentences whose adjective decides."""
    draw = random.Random(seed)
    labels = [draw.randrange(2) for _ in range(rows)]
    return pl.DataFrame(
        {
            "text": [f"the film {n} is {draw.choice(ENGLISH[k])}" for n, k in enumerate(labels)],
            "label": labels,
        }
    )


def chinese(seed: int, rows: int) -> pl.DataFrame:
    """Return sentences without spaces, of three classes."""
    draw = random.Random(seed)
    labels = [draw.randrange(3) for _ in range(rows)]
    nouns = ["故事", "音乐", "演员"]
    texts = [f"这部电影的{draw.choice(nouns)}很{draw.choice(CHINESE[k])}。" for k in labels]
    return pl.DataFrame({"text": texts, "label": labels})


def accuracy(found: Baseline, test: pl.DataFrame) -> float:
    """Return the share of right answers."""
    return float((found.probabilities.argmax(axis=1) == test["label"].to_numpy()).mean())


def test_the_majority_baseline_always_answers_the_largest_class() -> None:
    """Its probabilities are the shares in train, and no class is impossible."""
    train = pl.DataFrame({"text": ["t"] * 4, "label": [1, 1, 0, 1]})

    found = baselines.majority(train, 3, ["a", "b", "c"])

    assert found.probabilities.argmax(axis=1).tolist() == [1, 1, 1]
    assert found.probabilities[0] == pytest.approx([2 / 7, 4 / 7, 1 / 7])


def test_tfidf_learns_what_words_decide() -> None:
    """Where one word decides, the baseline is right."""
    test = english(3, 100)

    found = baselines.tfidf(english(1, 400), english(2, 100), test["text"].to_list(), 2)

    assert accuracy(found, test) == 1
    assert "1- and 2-word" in found.detail


def test_tfidf_counts_characters_where_a_script_has_no_spaces() -> None:
    """Chinese is judged by characters, not by whole sentences."""
    test = chinese(3, 100)

    found = baselines.tfidf(chinese(1, 400), chinese(2, 100), test["text"].to_list(), 3)

    assert accuracy(found, test) == 1
    assert "1- and 2-character" in found.detail


def test_tfidf_keeps_the_vowel_signs_of_a_word() -> None:
    """Hindi words that differ in a vowel sign are different words."""
    rows = pl.DataFrame({"text": ["फिल्म की", "फिल्म के"] * 40, "label": [0, 1] * 40})

    found = baselines.tfidf(rows, rows, ["की", "के"], 2)

    assert found.probabilities.argmax(axis=1).tolist() == [0, 1]


def test_tfidf_gives_a_class_that_train_lacks_no_chance() -> None:
    """The columns stay those of all classes."""
    train = english(1, 200)

    found = baselines.tfidf(train, english(2, 50), ["a good film"], 4)

    assert found.probabilities.shape == (1, 4)
    assert found.probabilities[0, 2:].tolist() == [0, 0]


def test_tfidf_is_the_same_every_time() -> None:
    """Equal rows give equal probabilities, to the last digit."""
    texts = english(3, 50)["text"].to_list()
    first, second = (
        baselines.tfidf(english(1, 300), english(2, 50), texts, 2).probabilities for _ in range(2)
    )

    assert np.array_equal(first, second)


def test_large_data_is_thinned_by_stride_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound every n-th row is used, and the report says of how many."""
    monkeypatch.setattr(baselines, "MOST_ROWS", 100)

    found = baselines.tfidf(english(1, 350), english(2, 50), ["good"], 2)

    assert "trained on 88 of 350 rows" in found.detail


def test_long_texts_are_thinned_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound holds for all characters together."""
    monkeypatch.setattr(baselines, "MOST_CHARACTERS", 1000)
    rows = pl.DataFrame({"text": ["x" * 100] * 40, "label": [0] * 40})

    assert thin(rows, 1_000_000).height == 10
