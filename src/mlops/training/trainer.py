"""The Trainer of transformers, made deterministic: batches, resuming, evaluation, divergence."""

import gc
import math
from collections.abc import Callable, Sized
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from transformers import (
    EvalPrediction,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_callback import ProgressCallback

from mlops.core.errors import ModelError
from mlops.training import checkpoints
from mlops.training.rows import Rows
from mlops.training.sampler import BucketSampler
from mlops.training.watching import Interrupt, Resume, Watch, keep_loss

CURVES = ("step", "epoch", "loss", "learning_rate", "grad_norm", "accuracy")


class BucketTrainer(Trainer):  # type: ignore[misc]
    """A Trainer whose result depends on nothing but its inputs."""

    def fit(self, log_metrics: Callable[[dict[str, float], int], None], patience: int) -> None:
        """Train, from the last checkpoint if there is one.

        With patience the training stops early, and the model gets its best weights.
        """
        folder = Path(self.args.output_dir)
        resumed = checkpoints.newest(folder, patience > 0)
        interrupt, watch = Interrupt(), Watch(self)
        self.pop_callback(ProgressCallback)
        if resumed:
            self.add_callback(Resume(self, resumed))
        for callback in (Record(log_metrics), interrupt, SaveAfterValidation(), watch):
            self.add_callback(callback)
        if patience:
            self.add_callback(EarlyStopping(patience, folder))
        gc.freeze()  # what was imported: each full collection would visit a million objects
        with interrupt.listening(), closing(watch):
            self.train(resume_from_checkpoint=str(resumed) if resumed else None)
            if interrupt.asked:  # after the last step
                if self.state.global_step >= self.state.max_steps:
                    self._save_checkpoint(self.model, None)
                interrupt.stop(self.state)
        if patience:
            checkpoints.load_best(self.model, folder)

    def history(self) -> dict[str, list[dict[str, float]]]:
        """Return the log as learning curves of train and val, without its timings."""
        curves: dict[str, list[dict[str, float]]] = {"train": [], "val": []}
        for entry in self.state.log_history:
            if "loss" not in entry and "eval_loss" not in entry:
                continue
            split = "val" if "eval_loss" in entry else "train"
            plain = {name.removeprefix("eval_"): float(value) for name, value in entry.items()}
            point = {name: float(f"{plain[name]:.6g}") for name in CURVES if name in plain}
            curves[split].append(point)
        return curves

    def _get_train_sampler(self, train_dataset: Sized | None = None) -> BucketSampler:
        rows = cast(Rows, train_dataset or self.train_dataset)
        return BucketSampler(rows.lengths(), self.args.train_batch_size, self.args.seed)

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        super()._save_checkpoint(*args, **kwargs)
        if self.args.should_save:
            checkpoint = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
            keep_loss(self, checkpoint)
            checkpoints.seal(checkpoint)

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        """Train on one batch; a loss that is no number ends the training at its step."""
        try:
            loss: Tensor = super().training_step(*args, **kwargs)
        except RuntimeError as error:
            if "deterministic" not in str(error):
                raise
            what = str(error).partition(", but you set")[0]
            raise ModelError(f"{what}; set training.deterministic to false for it") from None
        if not torch.isfinite(loss):
            raise ModelError(
                f"the training loss is {loss.item()} at step {self.state.global_step + 1}; lower "
                "training.learning_rate or training.max_grad_norm"
            )
        return loss

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Evaluate on the validation split without moving the generator that dropout draws from."""
        with torch.random.fork_rng():
            return cast(dict[str, float], super().evaluate(*args, **kwargs))


def accuracy(evaluated: EvalPrediction) -> dict[str, float]:
    """Return the accuracy on the validation split."""
    return {"accuracy": float((evaluated.predictions == evaluated.label_ids).mean())}


def predicted_classes(logits: Any, _labels: Tensor) -> Tensor:
    """Return the class of each row; XLNet puts its memory behind the logits."""
    scores: Tensor = logits[0] if isinstance(logits, tuple) else logits
    return scores.argmax(-1)


class SaveAfterValidation(TrainerCallback):  # type: ignore[misc]
    """Write a checkpoint that is due at an epoch's end after the epoch's validation.

    The Trainer writes it before: what resumes from there would never see that validation.
    """

    def __init__(self) -> None:
        self.due = False

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Put off a checkpoint at an epoch's last step."""
        self.due = control.should_save and float(state.epoch or 0).is_integer()
        control.should_save = control.should_save and not self.due

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Write what was put off; the Trainer validates first."""
        control.should_save = self.due


class Record(TrainerCallback):  # type: ignore[misc]
    """Hand each logged number to the tracker as it comes."""

    NAMES = ("loss", "learning_rate", "grad_norm", "eval_loss", "eval_accuracy")

    def __init__(self, log_metrics: Callable[[dict[str, float], int], None]) -> None:
        self.log_metrics = log_metrics

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl,
        logs: dict[str, float] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        """Log losses, learning rate, gradient norm and validation metrics by step."""
        found = {name: float((logs or {})[name]) for name in self.NAMES if name in (logs or {})}
        named = {
            name.replace("eval_", "val_") if name.startswith("eval_") else f"train_{name}": value
            for name, value in found.items()
        }
        if named:
            self.log_metrics(named, state.global_step)


class EarlyStopping(TrainerCallback):  # type: ignore[misc]
    """Stop when the validation loss stays above its best, whose weights are kept in a file.

    What it decides by is the Trainer's own log, which its checkpoints carry: a resumed training
    stops where the other one would have.
    """

    def __init__(self, patience: int, folder: Path) -> None:
        self.patience = patience
        self.folder = folder

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Keep the best weights so far, or stop."""
        losses = [float(entry["eval_loss"]) for entry in state.log_history if "eval_loss" in entry]
        lowest = min((loss for loss in losses if math.isfinite(loss)), default=math.inf)
        since = len(losses) - 1 - losses.index(lowest) if lowest in losses else len(losses)
        if since == 0:
            checkpoints.keep_best(kwargs["model"], self.folder)
        control.should_training_stop = since >= self.patience
        # What resumes from a checkpoint of this moment would train on: the one before decides anew.
        control.should_save = control.should_save and not control.should_training_stop
