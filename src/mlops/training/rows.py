"""The rows of a split as the Trainer takes them: token ids and labels."""

import logging
from collections.abc import Mapping
from typing import Any

import polars as pl
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from mlops.core import terminal

log = logging.getLogger(__name__)

PIECE = 10_000  # texts that are tokenized at a time
MANY = 0.05  # share of texts that may be truncated without a warning


class Rows(Dataset[dict[str, Any]]):
    """Tokenized texts with their labels."""

    def __init__(
        self, encoded: dict[str, list[list[int]]], labels: list[int], truncated: float = 0.0
    ) -> None:
        self.encoded = encoded
        self.labels = labels
        self.truncated = truncated  # the share of texts that are longer than the model takes

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {
            **{name: values[row] for name, values in self.encoded.items()},
            "labels": self.labels[row],
        }

    def lengths(self) -> list[int]:
        """Return the number of tokens of each row."""
        return [len(ids) for ids in self.encoded["input_ids"]]


def tokenize(
    frames: Mapping[str, pl.DataFrame], tokenizer: PreTrainedTokenizerBase
) -> dict[str, Rows]:
    """Tokenize the texts of each split; warn if the model does not see the end of many of them."""
    splits = {name: _tokenize(name, frame, tokenizer) for name, frame in frames.items()}
    if (share := splits["train"].truncated) > MANY:
        log.warning(
            "warning: %.0f %% of the training texts are longer than model.max_length (%d tokens), "
            "and the rest of them is ignored; raise it if the end of a text matters",
            100 * share,
            tokenizer.model_max_length,
        )
    return splits


def _tokenize(split: str, frame: pl.DataFrame, tokenizer: PreTrainedTokenizerBase) -> Rows:
    texts, cut = frame["text"].to_list(), 0
    encoded: dict[str, list[list[int]]] = {}
    for piece in terminal.slices(len(texts), PIECE, f"tokenizing {split}"):
        found = tokenizer(texts[piece], truncation=True)
        for name, values in found.items():
            encoded.setdefault(name, []).extend(values)
        if tokenizer.is_fast:
            cut += sum(bool(one.overflowing) for one in found.encodings)
        else:  # one that just fits counts as well
            cut += sum(len(ids) >= tokenizer.model_max_length for ids in found["input_ids"])
    return Rows(encoded, frame["label"].to_list(), cut / max(1, frame.height))
