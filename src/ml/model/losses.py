"""The losses that `training.loss_function` names.

One of your own is a function of logits [batch, classes], labels [batch] and class weights or None
that returns the loss of each row; `register` gives it the name that `training.custom_loss` takes.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from ml.config import Training
from mlops.core.errors import ModelError

Loss = Callable[..., Tensor]
RowLoss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
# A name in the configuration can only choose among these: no import path ever comes from a file.
REGISTRY: dict[str, RowLoss] = {}


def register(name: str) -> Callable[[RowLoss], RowLoss]:
    """Make a loss selectable as `training.custom_loss: <name>`."""

    def add(loss: RowLoss) -> RowLoss:
        REGISTRY[name] = loss
        return loss

    return add


def build(training: Training, labels: Sequence[int] | NDArray[Any], classes: int) -> Loss:
    """Return a loss as the Trainer calls it: with outputs, labels, items in the whole step."""
    weights = class_weights(training, labels, classes)
    rows = chosen(training)

    def loss(
        outputs: Any, labels: Tensor, num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        each = rows(outputs["logits"], labels, weights)
        # Under gradient accumulation the step, not the batch, is what is averaged over.
        return each.mean() if num_items_in_batch is None else each.sum() / num_items_in_batch

    return loss


def chosen(training: Training) -> RowLoss:
    """Return the loss of each row that the configuration names."""
    if training.custom_loss is None:
        gamma = training.focal_gamma if training.loss_function == "focal" else 0.0
        return partial(per_row, gamma=gamma, smoothing=training.label_smoothing)
    if training.custom_loss not in REGISTRY:
        raise ModelError(
            f"training.custom_loss: {training.custom_loss!r} is not registered; "
            f"src/ml/model/losses.py has {sorted(REGISTRY)}"
        )
    return REGISTRY[training.custom_loss]


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


def class_weights(
    training: Training, labels: Sequence[int] | NDArray[Any], classes: int
) -> Tensor | None:
    """Return one weight for each class, or None; balanced weights average 1 over the rows."""
    if training.class_weights == "none":
        return None
    if training.class_weights == "balanced":
        counts = torch.bincount(torch.tensor(labels), minlength=classes)
        return len(labels) / (classes * counts.clamp(min=1).float())
    return torch.tensor(training.class_weights)
