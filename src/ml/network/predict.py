"""Probabilities for texts, in their order and independent of their batch mates."""

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase


@torch.inference_mode()
def predict(
    network: PreTrainedModel,
    words: PreTrainedTokenizerBase,
    texts: list[str],
    batch_size: int = 64,
) -> NDArray[np.float64]:
    """Return class probabilities [texts, classes]; texts are cut at the tokenizer's limit."""
    network.eval()
    encoded = words(texts, truncation=True)
    # By length, so that a batch has little padding.
    order = sorted(range(len(texts)), key=lambda row: len(encoded["input_ids"][row]))
    result = np.zeros((len(texts), network.config.num_labels))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        batch = words.pad(
            {name: [values[row] for row in rows] for name, values in encoded.items()},
            return_tensors="pt",
        ).to(network.device)
        result[rows] = network(**batch).logits.double().softmax(-1).cpu().numpy()
    return result
