"""Rules of ml.model.losses."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import cross_entropy

from ml.config import Params
from ml.model import losses
from mlops.core.errors import ModelError

LOGITS = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 3.0]])
TARGETS = torch.tensor([0, 0, 1])
MakeParams = Callable[..., Params]


def test_plain_cross_entropy_is_the_mean(params: Params) -> None:
    """Without options the loss is torch's own."""
    loss = losses.build(params.training, [0, 1], 2)

    torch.testing.assert_close(loss({"logits": LOGITS}, TARGETS), cross_entropy(LOGITS, TARGETS))


def test_accumulated_batches_average_over_the_step(params: Params) -> None:
    """Two unequal batches of one step weigh by their rows, as if they were one batch."""
    loss = losses.build(params.training, [0, 1], 2)

    parts = [
        loss({"logits": LOGITS[rows]}, TARGETS[rows], 3) for rows in (slice(0, 2), slice(2, 3))
    ]

    torch.testing.assert_close(sum(parts), cross_entropy(LOGITS, TARGETS))


def test_a_loss_of_ones_own_is_chosen_by_name(
    make_params: MakeParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it gives for each row is averaged as any other; an unknown name is told."""
    monkeypatch.setattr(losses, "REGISTRY", {})
    losses.register("mine")(lambda logits, labels, weights: labels.float())
    mine, other = (
        make_params(training={"loss_function": "custom", "custom_loss": name}).training
        for name in ("mine", "other")
    )

    assert losses.build(mine, [0, 1], 2)({"logits": LOGITS}, TARGETS) == TARGETS.float().mean()
    with pytest.raises(ModelError, match=r"'other' is not registered; .* has \['mine'\]"):
        losses.build(other, [0, 1], 2)


def test_focal_loss_weighs_easy_rows_down() -> None:
    """Each row counts by (1 - p) to the power of gamma."""
    plain = losses.per_row(LOGITS, TARGETS, None, 0.0, 0.0)
    right = LOGITS.softmax(-1)[torch.arange(3), TARGETS]

    focal = losses.per_row(LOGITS, TARGETS, None, 2.0, 0.0)

    torch.testing.assert_close(focal, plain * (1 - right) ** 2)


def test_balanced_weights_undo_the_class_shares(make_params: MakeParams) -> None:
    """Rows of a class of a quarter count three times as much as those of the other."""
    training = make_params(training={"class_weights": "balanced"}).training

    weights = losses.class_weights(training, [0, 0, 0, 1], 2)

    assert weights is not None
    torch.testing.assert_close(weights, torch.tensor([2 / 3, 2.0]))


@pytest.mark.parametrize("changed", [{"label_smoothing": 0.1}, {"class_weights": [1.0, 3.0]}])
def test_label_smoothing_and_weights_act(
    make_params: MakeParams, changed: dict[str, object]
) -> None:
    """Each option changes the loss."""
    loss = losses.build(make_params(training=changed).training, [0, 1], 2)

    outputs = SimpleNamespace(logits=LOGITS)
    found = loss({"logits": outputs.logits}, TARGETS)

    assert found != cross_entropy(LOGITS, TARGETS)
