"""Rules of mlops.training.arguments."""

from collections.abc import Callable

import pytest
import torch

from ml.config import Params
from mlops.training.arguments import Steps, count_steps


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (Steps(4000, 32, 1, 1, 6), "4,000 rows / 32 × 6 epochs = 750 steps (125 per epoch)"),
        (Steps(4001, 32, 1, 1, 1), "4,001 rows / 32 × 1 epoch = 126 steps (126 per epoch)"),
        (
            Steps(4000, 16, 2, 4, 6),
            "4,000 rows / (16 on each of 2 GPUs × 4 accumulated) × 6 epochs"
            " = 192 steps (32 per epoch)",
        ),
    ],
)
def test_the_arithmetic_can_be_followed(steps: Steps, text: str) -> None:
    """Each factor is shown; an epoch's last step may have fewer rows."""
    assert str(steps) == text


def test_gpus_share_a_batch(
    make_params: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them change neither the batch nor the number of steps."""
    training = {"batch_size": 32, "epochs": 2}
    alone = count_steps(make_params(training=training, resources={"gpu": 0}), 320, 1)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    shared = count_steps(make_params(training=training, resources={"gpu": 4}), 320, 1)

    assert (shared.gpu_batch, shared.gpus, shared.batch) == (8, 4, 32)
    assert shared.total == alone.total == 20
