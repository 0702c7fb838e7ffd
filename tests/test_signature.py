"""Rules of ml.exporting.signature."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from ml.errors import ModelError
from ml.exporting import signature
from ml.network import tokenizer

TEXTS = ["a good film", "a bad film"] * 4


@pytest.mark.parametrize(
    ("family", "special", "side"),
    [("bert", 2, "right"), ("gpt2", 1, "right"), ("xlnet", 2, "left")],
)
def test_the_signature_tells_how_texts_are_cut_and_padded(
    family: str, special: int, side: str
) -> None:
    """As the tokenizer of each family does it."""
    words = tokenizer.train(TEXTS, family, 320, 16)

    facts = signature.describe(words, ["input_ids"], ["no", "yes"])

    assert facts == {
        "format": 1,
        "labels": ["no", "yes"],
        "inputs": ["input_ids"],
        "max_length": 16,
        "special_tokens": special,
        "pad_id": words.pad_token_id,
        "pad_type_id": 0,
        "padding_side": side,
    }


def test_the_tokenizer_neither_cuts_nor_pads(tmp_path: Path) -> None:
    """Even where it did so before: the service counts what it cuts."""
    words = tokenizer.train(TEXTS, "bert", 320, 16)
    words(["a", "film " * 50], truncation=True, padding=True)

    signature.write_tokenizer(words, tmp_path / "tokenizer.json")

    found = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    short, long = found.encode_batch(["a", "film " * 50])
    assert (found.truncation, found.padding) == (None, None)
    assert len(short.ids) < 5
    assert len(long.ids) > 50
    assert words(["film " * 50], truncation=True)["input_ids"][0] == [*long.ids[:15], long.ids[-1]]


def test_a_tokenizer_without_a_file_is_told(tmp_path: Path) -> None:
    """One written in Python alone cannot be served."""
    with pytest.raises(ModelError, match=r"fast kind, found object.*tokenizer\.json"):
        signature.write_tokenizer(object(), tmp_path / "tokenizer.json")
