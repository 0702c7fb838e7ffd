"""Rules of SET."""

import pytest

from mlops.config.overrides import Override, chosen, split, values
from mlops.core.errors import ConfigError


def test_words_are_cut_as_by_a_shell() -> None:
    """Quotes hold a value with spaces together."""
    found = split("training.epochs=3 data.train_path='a b.csv' model=bert")

    assert found == [("training.epochs", "3"), ("data.train_path", "a b.csv"), ("model", "bert")]


@pytest.mark.parametrize("word", ["+a.b=1", "++a.b=1", "a.b=1"])
def test_hydra_prefixes_make_no_difference(word: str) -> None:
    """A word means the same with and without Hydra's `+` and `++`."""
    assert [Override("a.b", "1")] == split(word)


@pytest.mark.parametrize("word", ["experiment@_global_=x", "experiment=x"])
def test_experiment_needs_no_package(word: str) -> None:
    """SET chooses an experiment with or without Hydra's `@_global_`."""
    assert chosen(split(word)) == {"experiment": "x"}


def test_last_choice_counts() -> None:
    """Of two choices for a group the last one stands; choices are not values."""
    words = split("model=gpt env=qa model=bert training.epochs=1")

    assert chosen(words) == {"model": "bert", "env": "qa"}
    assert values(words) == [("training.epochs", "1")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training.epochs", "SET: expected key=value .* found 'training.epochs'"),
        ("training.epochs = 3", "SET: expected key=value without spaces"),
        ("=3", "SET: expected key=value"),
        ("~training.epochs", "SET: expected key=value"),
        ("a='b", "SET: expected balanced quotes"),
        ("hydra.verbose=true", "SET: hydra.verbose: unknown key"),
    ],
)
def test_malformed_word_is_told(text: str, message: str) -> None:
    """A word that sets nothing is refused."""
    with pytest.raises(ConfigError, match=message):
        split(text)
