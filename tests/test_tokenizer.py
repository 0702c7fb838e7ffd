"""Rules of ml.model.tokenizer."""

import pytest

from ml.model import tokenizer

TEXTS = ["a fine film", "a dull film", "ein schöner Film", "прекрасный фильм", "素晴らしい映画"] * 5


def test_training_is_deterministic() -> None:
    """The same texts give the same tokenizer, byte for byte."""
    first, again = (tokenizer.train(TEXTS, "bert", 400, 32) for _ in range(2))

    assert first.backend_tokenizer.to_str() == again.backend_tokenizer.to_str()


@pytest.mark.parametrize("text", ["прекрасный фильм", "素晴らしい映画", "🎬 naïve\u0301", "\x00"])
def test_every_script_is_read_without_unknown_tokens(text: str) -> None:
    """Byte-level pieces know every byte."""
    words = tokenizer.train(TEXTS, "bert", 400, 32)

    assert words.unk_token_id not in words(text)["input_ids"]


@pytest.mark.parametrize(
    ("family", "first", "last"),
    [("bert", "[CLS]", "[SEP]"), ("gpt2", None, "[SEP]"), ("xlnet", None, "[CLS]")],
)
def test_the_summary_stands_where_the_family_reads_it(
    family: str, first: str | None, last: str
) -> None:
    """BERT reads its first token, GPT-2 and XLNet their last."""
    words = tokenizer.train(TEXTS, family, 400, 32)
    tokens = words.convert_ids_to_tokens(words("a fine film")["input_ids"])

    assert tokens[-1] == last
    assert first in (None, tokens[0])


def test_only_xlnet_pads_on_the_left() -> None:
    """XLNet reads the last position, which padding must not take."""
    sides = [tokenizer.padding_side(family) for family in ("bert", "gpt2", "xlnet")]

    assert sides == ["right", "right", "left"]
