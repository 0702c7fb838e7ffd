"""What a training shows while it runs, and how it stops when it is interrupted."""

import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from mlops.core import files, terminal
from mlops.core.errors import INTERRUPTED

log = logging.getLogger(__name__)

LOSS = "loss.json"  # of a checkpoint: the loss since the last point of the learning curve


class Watch(TrainerCallback):  # type: ignore[misc]
    """Shows the steps as they are done, and a line for each epoch."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.shown: terminal.Progress | None = None
        self.before = (0, 0.0, time.monotonic())

    def now(self, state: TrainerState) -> tuple[int, float, float]:
        """Return the steps so far, the sum of their losses in this process, and the time."""
        total = self.trainer._total_loss_scalar + self.trainer._tr_loss.item()
        return state.global_step, total, time.monotonic()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Say from where it resumes."""
        if state.global_step:
            log.info("resuming at step %s of %s", f"{state.global_step:,}", f"{state.max_steps:,}")
        self.before = self.now(state)
        self.shown = terminal.progress("training", state.max_steps, state.global_step)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Show how far it is, with the last point of the learning curve."""
        losses = (entry["loss"] for entry in reversed(state.log_history) if "loss" in entry)
        last = next(losses, None)
        if self.shown:
            self.shown.reach(state.global_step, "" if last is None else f"loss {last:.3f}")

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl,
        metrics: dict[str, float] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        """Write the line of an epoch."""
        step, total, moment = self.now(state)
        before, summed, start = self.before
        found = metrics or {}
        log.info(
            "epoch %d/%d  train loss %.3f  val loss %.3f  val accuracy %.3f  %.1f s",
            round(state.epoch or 0),
            state.num_train_epochs,
            (total - summed) / max(1, step - before),
            found.get("eval_loss", float("nan")),
            found.get("eval_accuracy", float("nan")),
            moment - start,
        )
        self.before = (step, total, moment)

    def close(self) -> None:
        """Show no bar any more."""
        if self.shown:
            self.shown.close()


class Interrupt(TrainerCallback):  # type: ignore[misc]
    """Writes a checkpoint on Ctrl+C or a polite kill, and ends there; a second one ends at once."""

    def __init__(self) -> None:
        self.asked = False
        self.process = os.getpid()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take both signals; after an interrupt until the process ends."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.ask) for number in numbers}
        yield
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(self, _number: int, _frame: FrameType | None) -> None:
        """Note that it is to stop."""
        if os.getpid() != self.process:
            return  # a worker that reads batches: it ends with this process
        if self.asked:
            os._exit(INTERRUPTED)
        self.asked = True
        os.write(2, f"\n{terminal.margin()}stopping after this step; again ends at once\n".encode())

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Have a checkpoint written."""
        control.should_save = control.should_save or self.asked

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """End, now that it is written."""
        if self.asked:
            self.stop(state)

    def stop(self, state: TrainerState) -> None:
        """End by saying where."""
        at = f"{state.global_step:,} of {state.max_steps:,}"
        raise KeyboardInterrupt(f"stopped at step {at}; the same command goes on")


def keep_loss(trainer: Trainer, checkpoint: Path) -> None:
    """Note the loss since the last point of the learning curve, which the Trainer forgets."""
    since = {"sum": trainer._tr_loss.item(), "from": trainer._globalstep_last_logged}
    files.write_json(checkpoint / LOSS, since)


class Resume(TrainerCallback):  # type: ignore[misc]
    """Takes up the loss that a checkpoint has noted, so that the next point is as it would be."""

    def __init__(self, trainer: Trainer, checkpoint: Path) -> None:
        self.trainer, self.checkpoint = trainer, checkpoint

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin with it."""
        if since := files.known(self.checkpoint / LOSS):
            self.trainer._tr_loss += since["sum"]
            self.trainer._globalstep_last_logged = since["from"]
