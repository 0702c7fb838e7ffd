"""Probabilities for texts, in their order and independent of their batch mates."""

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from mlops.core import terminal


@torch.inference_mode()
def predict(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: list[str],
    batch_size: int = 64,
) -> NDArray[np.float64]:
    """Return class probabilities [texts, classes]; texts are truncated at the tokenizer's limit."""
    model.eval()
    encoded = tokenizer(texts, truncation=True)
    # By length, so that a batch has little padding.
    order = sorted(range(len(texts)), key=lambda row: len(encoded["input_ids"][row]))
    result = np.zeros((len(texts), model.config.num_labels))
    for piece in terminal.slices(len(order), batch_size, "predicting"):
        rows = order[piece]
        batch = tokenizer.pad(
            {name: [values[row] for row in rows] for name, values in encoded.items()},
            return_tensors="pt",
        ).to(model.device)
        result[rows] = model(**batch).logits.double().softmax(-1).cpu().numpy()
    return result
