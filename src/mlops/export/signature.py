"""What the service needs beside the graph: tokenizer and signature.

Reads: a tokenizer of transformers
Writes: tokenizer.json, and the values of signature.json
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from mlops.core.errors import ModelError
from mlops.serving.vocabulary import Vocabulary

FORMAT = 1
USUAL = 0.99  # of the test texts have no larger share of unknown words


def describe(tokenizer: PreTrainedTokenizerBase, inputs: list[str], labels: list[str]) -> Any:
    """Return how texts become the inputs of the graph, and what its outputs mean.

    What is empty here is known when the graphs are written.
    """
    return {
        "format": FORMAT,
        "labels": labels,
        "inputs": inputs,
        "max_length": tokenizer.model_max_length,
        "special_tokens": tokenizer.num_special_tokens_to_add(),
        "pad_id": tokenizer.pad_token_id,
        "pad_type_id": tokenizer.pad_token_type_id,
        "padding_side": tokenizer.padding_side,
        "precision": {"cpu": None, "gpu": None},
        "model_sha256": "",
        "parity": {},
        "example": "",
        "usual_unknown": None,
    }


def write_tokenizer(tokenizer: PreTrainedTokenizerBase, path: Path) -> None:
    """Write the tokenizer for `tokenizers`, which neither cuts nor pads: the service does both."""
    inner = getattr(tokenizer, "backend_tokenizer", None)
    if inner is None:
        raise ModelError(
            f"{type(tokenizer).__name__} is not a fast tokenizer, and serving needs "
            "its tokenizer.json; use a model that has one"
        )
    copy = Tokenizer.from_str(inner.to_str())
    copy.no_truncation()
    copy.no_padding()
    copy.save(str(path), pretty=False)


def usual_unknown(path: Path, max_length: int, texts: Sequence[str]) -> float:
    """Return the share of unknown words that few test texts exceed; the service warns beyond it."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(max_length)
    vocabulary = Vocabulary(tokenizer, usual=0.0)
    found = [vocabulary.look(text, tokenizer.encode_batch([text])[0].ids)[0] for text in texts]
    return float(np.quantile(found, USUAL, method="higher"))
