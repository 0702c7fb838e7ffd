"""Which words a model has never seen."""

import pytest
from tokenizers import Tokenizer, models

import toy
from ml.model import tokenizer as trained
from mlops.serving.vocabulary import Look, Vocabulary

TEXTS = ["The plot is superb.", "Critics disagree; the film is dull, naïve and witty."] * 3


@pytest.fixture(name="tokens", scope="module")
def _tokens() -> Tokenizer:
    """A tokenizer as `train` makes it of these texts."""
    return Tokenizer.from_str(trained.train(TEXTS, "llama", 2000, 64).backend_tokenizer.to_str())


def look(tokens: Tokenizer, usual: float | None, text: str) -> Look:
    """Return what is found in a text."""
    return Vocabulary(tokens, usual).look(text, tokens.encode(text).ids)


@pytest.mark.parametrize(
    ("text", "share", "named"),
    [
        ("The film is naïve.", 0.0, ""),
        ("THE PLOT IS DULL, the film is WITTY.", 0.0, ""),
        ("The food was superb!", 0.5, "food, was"),
        ("Фильм is dull", 0.3333, "Фильм"),
        ("…", 0.0, ""),
    ],
)
def test_a_word_in_pieces_is_new_to_a_tokenizer_that_was_trained_with_the_model(
    tokens: Tokenizer, text: str, share: float, named: str
) -> None:
    """Whatever its script; case and punctuation do not count."""
    found, warning, *_ = look(tokens, 0.0, text)

    assert found == pytest.approx(share)
    assert warning.partition(": ")[2] == named


def test_the_warning_counts_and_names(tokens: Tokenizer) -> None:
    """The first five, each cut where it is endless."""
    one = look(tokens, 0.0, "the gherkin is dull")[1]
    many = look(tokens, 0.0, "the q" + "x" * 50 + " had gherkins but forgot jellyfish entirely")[1]

    assert one == "1 of 4 words is unknown to the model: gherkin"
    assert many == (
        f"7 of 8 words are unknown to the model: q{'x' * 29}, had, gherkins, but, forgot and 2 more"
    )


def test_what_is_usual_is_no_warning(tokens: Tokenizer) -> None:
    """Where rare words are in pieces in the test texts, too."""
    assert look(tokens, 0.25, "the gherkin is dull") == (0.25, "", 4, 1)
    assert look(tokens, 0.2, "the gherkin is dull")[1]


def test_a_pretrained_tokenizer_is_made_of_pieces(tokens: Tokenizer) -> None:
    """So they say nothing of what it has seen."""
    assert look(tokens, None, "the gherkin is dull")[:2] == (0.0, "")


@pytest.mark.parametrize(
    ("text", "share", "warned"),
    [("the film was good", 0.0, False), ("the film was tame", 0.25, False), ("tame", 1.0, True)],
)
def test_an_unknown_token_is_an_unknown_word(text: str, share: float, warned: bool) -> None:
    """In every tokenizer that has one; up to a quarter goes without saying."""
    found, warning, *_ = look(toy._tokenizer(), None, text)

    assert (found, bool(warning)) == (share, warned)


@pytest.mark.parametrize(
    ("text", "words", "unknown"),
    [
        ("The film is naïve, and witty.", 6, 0),
        ("The food was superb!", 4, 2),
        ("… ?", 0, 0),
        ("", 0, 0),
    ],
)
def test_known_words_are_counted_too(
    tokens: Tokenizer, text: str, words: int, unknown: int
) -> None:
    """Punctuation is no word."""
    assert look(tokens, 0.0, text)[2:] == (words, unknown)


@pytest.mark.parametrize(
    ("vocabulary", "text"),
    [
        (["[UNK]", "un", "##known", "word", ",", "s", "##2"], "un ##known , word s ##2"),
        (["<unk>", "▁un", "known", "▁word", "▁,", "▁s2"], "▁un known ▁, ▁word ▁s2"),
        (["<unk>", "Ġun", "known", "Ġword", "Ġ,", "Ġs2"], "Ġun known Ġ, Ġword Ġs2"),
    ],
)
def test_a_word_in_pieces_counts_once(vocabulary: list[str], text: str) -> None:
    """However a pretrained tokenizer marks the pieces."""
    numbers = {token: number for number, token in enumerate(vocabulary)}
    tokens = Tokenizer(models.WordLevel(numbers, unk_token=vocabulary[0]))

    found = Vocabulary(tokens, None).look("", [numbers[one] for one in text.split()])

    assert (found.words, found.unknown) == (3, 0)
