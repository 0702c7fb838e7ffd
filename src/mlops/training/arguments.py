"""The Trainer's arguments that no project needs to change, and how many steps they make."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import TrainingArguments

from mlops.config.schema import Params
from mlops.training import hardware

LOGS = 50  # points of the learning curve, however long the training
EVAL_BATCH = 128


@dataclass(frozen=True)
class Steps:
    """The arithmetic of a training: how many times the optimizer moves the weights."""

    rows: int
    gpu_batch: int  # rows of a batch that each GPU takes
    gpus: int
    accumulation: int  # batches of one step
    epochs: int

    @property
    def batch(self) -> int:
        """Return the rows of one step."""
        return self.gpu_batch * self.gpus * self.accumulation

    @property
    def per_epoch(self) -> int:
        """Return the steps of an epoch, the last of which may have fewer rows."""
        return math.ceil(self.rows / self.batch)

    @property
    def total(self) -> int:
        """Return the steps of the whole training."""
        return self.per_epoch * self.epochs

    def __str__(self) -> str:
        batch = f"{self.gpu_batch:,}"
        if self.gpus > 1:
            batch += f" on each of {self.gpus} GPUs"
        if self.accumulation > 1:
            batch += f" × {self.accumulation} accumulated"
        divisor = batch if batch.isdigit() else f"({batch})"
        epochs = "epoch" if self.epochs == 1 else "epochs"
        steps = f"{self.total:,} steps ({self.per_epoch:,} per epoch)"
        return f"{self.rows:,} rows / {divisor} × {self.epochs:,} {epochs} = {steps}"


def count_steps(params: Params, rows: int, accumulation: int) -> Steps:
    """Count the steps of a training on this machine; its GPUs share each batch."""
    training = params.training
    share = hardware.share(training.batch_size, params.resources)
    return Steps(rows, share, training.batch_size // share, accumulation, training.epochs)


def build(params: Params, steps: Steps, folder: Path, **own: Any) -> TrainingArguments:
    """Return the Trainer's arguments; `own` are those that the project sets itself."""
    return TrainingArguments(
        output_dir=str(folder),
        seed=params.training.seed,
        per_device_train_batch_size=steps.gpu_batch,
        per_device_eval_batch_size=EVAL_BATCH,
        gradient_accumulation_steps=steps.accumulation,
        num_train_epochs=steps.epochs,
        bf16=hardware.precision(params.training) == "bf16",
        use_cpu=params.resources.gpu == 0 or not hardware.count(),
        eval_strategy="epoch",
        logging_steps=max(1, steps.total // LOGS),
        save_steps=params.resources.checkpoint_steps,
        dataloader_num_workers=params.resources.workers,
        logging_nan_inf_filter=False,
        disable_tqdm=False,
        report_to="none",
        **own,
    )
