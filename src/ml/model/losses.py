"""The losses that `training.loss_function` names."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ml.config import Training

Loss = Callable[..., Tensor]


def build(training: Training, labels: list[int], classes: int) -> Loss:
    """Return a loss as the Trainer calls it: with outputs, labels, items in the whole step."""
    weights = class_weights(training, labels, classes)
    gamma = training.focal_gamma if training.loss_function == "focal" else 0.0

    def loss(
        outputs: Any, labels: Tensor, num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        each = per_row(outputs["logits"], labels, weights, gamma, training.label_smoothing)
        # Under gradient accumulation the step, not the batch, is what is averaged over.
        return each.mean() if num_items_in_batch is None else each.sum() / num_items_in_batch

    return loss


def per_row(
    logits: Tensor, labels: Tensor, weights: Tensor | None, gamma: float, smoothing: float
) -> Tensor:
    """Return the loss of each row; gamma > 0 is focal loss (Lin et al., 2017)."""
    weights = None if weights is None else weights.to(logits.device, logits.dtype)
    each = cross_entropy(
        logits, labels, weight=weights, label_smoothing=smoothing, reduction="none"
    )
    if gamma:
        right = logits.softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)
        each = each * (1 - right) ** gamma
    return each


def class_weights(training: Training, labels: list[int], classes: int) -> Tensor | None:
    """Return one weight for each class, or None; balanced weights average 1 over the rows."""
    if training.class_weights == "none":
        return None
    if training.class_weights == "balanced":
        counts = torch.bincount(torch.tensor(labels), minlength=classes)
        return len(labels) / (classes * counts.clamp(min=1).float())
    return torch.tensor(training.class_weights)
