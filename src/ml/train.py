"""Train the classifier on the prepared rows.

Reads: data/prepared/{train,val}.parquet, data/prepared/labels.json
Writes: models/model/, reports/history.json; while it runs .checkpoints/
"""

import gc
import json
import logging
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import torch
from transformers import (
    DataCollatorWithPadding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    TrainingArguments,
    set_seed,
)
from transformers.optimization import Adafactor
from transformers.trainer_callback import ProgressCallback

from ml import config
from ml.config import Params, Training
from ml.model import losses, model
from mlops.core import files, hashing, paths
from mlops.core.errors import run
from mlops.tracking import runs
from mlops.training import checkpoint_key, checkpoints, hardware
from mlops.training.trainer import (
    BucketTrainer,
    EarlyStopping,
    Progress,
    Record,
    Rows,
    SaveAfterValidation,
)

log = logging.getLogger(__name__)

PREPARED = Path("data/prepared")
MODEL = Path("models/model")
HISTORY = Path("reports/history.json")
LOGS = 50  # points of the learning curve, however long the training
EVAL_BATCH = 128
MANY = 0.05  # share of texts that may be cut without a warning
LONG = (
    "warning: %.0f %% of the training texts are longer than model.max_length (%d tokens), and what "
    "comes after that is not read; raise it if the end of a text matters"
)


def optimizer(training: Training) -> tuple[type[torch.optim.Optimizer], dict[str, Any]]:
    """Return the class and the arguments of the optimizer that the configuration names."""
    kinds: dict[str, tuple[type[torch.optim.Optimizer], dict[str, Any]]] = {
        "adam": (torch.optim.Adam, {"fused": True}),
        "adamw": (torch.optim.AdamW, {"fused": True}),
        "sgd": (torch.optim.SGD, {"momentum": training.momentum}),
        "adafactor": (Adafactor, {"scale_parameter": False, "relative_step": False}),
    }
    kind, arguments = kinds[training.optimizer]
    return kind, {"lr": training.learning_rate, **arguments}


def arguments(params: Params, rows: int, output: Path) -> TrainingArguments:
    """Translate the configuration into the Trainer's arguments."""
    training, resources = params.training, params.resources
    batches = math.ceil(rows / training.batch_size)
    steps = math.ceil(batches / training.gradient_accumulation) * training.epochs
    log_every = max(1, steps // LOGS)
    constant = "constant_with_warmup" if training.warmup else "constant"
    return TrainingArguments(
        output_dir=str(output),
        seed=training.seed,
        per_device_train_batch_size=hardware.share(training.batch_size, resources),
        per_device_eval_batch_size=EVAL_BATCH,
        gradient_accumulation_steps=training.gradient_accumulation,
        learning_rate=training.learning_rate,
        num_train_epochs=training.epochs,
        weight_decay=training.weight_decay,
        lr_scheduler_type=constant if training.schedule == "constant" else training.schedule,
        warmup_steps=training.warmup,  # below 1 it is a share of all steps
        max_grad_norm=training.max_grad_norm,
        bf16=hardware.precision(training) == "bf16",
        use_cpu=resources.gpu == 0 or not torch.cuda.is_available(),
        eval_strategy="epoch",
        logging_steps=log_every,
        # A checkpoint between two logs would cut the mean loss of that stretch in two on resuming.
        save_steps=math.ceil(resources.checkpoint_steps / log_every) * log_every,
        dataloader_num_workers=resources.workers,
        logging_nan_inf_filter=False,
        disable_tqdm=False,
        report_to="none",
    )


def fit(params: Params, splits: Mapping[str, Rows], folder: Path, parts: Any) -> BucketTrainer:
    """Train, from the last checkpoint in `folder` if there is one.

    `parts` are the model, its tokenizer and the tracker.
    """
    network, words, tracker = parts
    training = params.training
    trainer = BucketTrainer(
        model=network,
        args=arguments(params, len(splits["train"]), folder),
        data_collator=DataCollatorWithPadding(words),
        train_dataset=splits["train"],
        eval_dataset=splits["val"],
        compute_loss_func=losses.build(training, splits["train"].labels, network.config.num_labels),
        compute_metrics=lambda judged: {
            "accuracy": float((judged.predictions == judged.label_ids).mean())
        },
        preprocess_logits_for_metrics=_predicted,
        optimizer_cls_and_kwargs=optimizer(training),
        callbacks=[Record(tracker.log_metrics), SaveAfterValidation()],
    )
    trainer.remove_callback(ProgressCallback)  # and then ours, which is a kind of it
    trainer.add_callback(Progress)
    if training.early_stopping:
        trainer.add_callback(EarlyStopping(training.early_stopping, folder))
    gc.freeze()  # what was imported: each full collection would visit a million objects
    resumed = checkpoints.newest(folder, training.early_stopping > 0)
    trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    if training.early_stopping:
        checkpoints.load_best(network, folder)
    return trainer


def history(entries: list[dict[str, Any]]) -> dict[str, list[dict[str, float]]]:
    """Return the Trainer's log as learning curves of train and val, without its timings."""
    names = ("step", "epoch", "loss", "learning_rate", "grad_norm", "accuracy")
    curves: dict[str, list[dict[str, float]]] = {"train": [], "val": []}
    for entry in entries:
        if "loss" not in entry and "eval_loss" not in entry:
            continue
        split = "val" if "eval_loss" in entry else "train"
        plain = {name.removeprefix("eval_"): float(value) for name, value in entry.items()}
        curves[split].append({name: float(f"{plain[name]:.6g}") for name in names if name in plain})
    return curves


def main() -> None:
    """Run the stage."""
    params = config.load()
    hardware.claim(params.resources)
    hardware.settle(params.training)
    torch.set_num_threads(params.training.threads)
    labels = files.read_json(PREPARED / "labels.json", "labels")["labels"]
    for test in params.evaluate.behaviour:
        test.expect(labels)  # evaluate needs it: better told now than after hours of training
    frames = {
        name: files.read_parquet(PREPARED / f"{name}.parquet", "text", "label")
        for name in ("train", "val")
    }
    data = {name: hashing.digest(PREPARED / f"{name}.parquet") for name in frames}
    folder = paths.checkpoints(checkpoint_key.key(params, data))
    with runs.training_run(params, data, folder / "run") as tracker:
        set_seed(params.training.seed)
        texts = frames["train"]["text"].to_list()
        log.info("building %s for %d texts", params.model.name, len(texts))
        network, words = model.build(params.model, labels, texts)
        log.info("cutting the texts into tokens")
        splits = {name: tokenize(frame, words) for name, frame in frames.items()}
        truncated = splits["train"].truncated
        if truncated > MANY:
            log.warning(LONG, 100 * truncated, words.model_max_length)
        trainer = fit(params, splits, folder, (network, words, tracker))
        curves = {**history(trainer.state.log_history), "truncated": round(truncated, 6)}
        _write(network, words, curves)
        tracker.finish(params, hashing.digest(MODEL))
    shutil.rmtree(folder)


def tokenize(frame: pl.DataFrame, words: PreTrainedTokenizerBase) -> Rows:
    """Cut the texts of a split into tokens; count those that are longer than the model takes."""
    encoded = words(frame["text"].to_list(), truncation=True)
    if words.is_fast:
        cut = sum(bool(one.overflowing) for one in encoded.encodings)
    else:  # one that just fits counts as well
        cut = sum(len(ids) >= words.model_max_length for ids in encoded["input_ids"])
    return Rows(dict(encoded), frame["label"].to_list(), cut / max(1, frame.height))


def _predicted(logits: Any, _labels: torch.Tensor) -> torch.Tensor:
    scores: torch.Tensor = (
        logits[0] if isinstance(logits, tuple) else logits
    )  # XLNet adds its memory
    return scores.argmax(-1)


def _write(network: PreTrainedModel, words: PreTrainedTokenizerBase, curves: Any) -> None:
    partial = MODEL.with_name("model.partial")
    shutil.rmtree(partial, ignore_errors=True)
    model.save(network, words, partial)
    shutil.rmtree(MODEL, ignore_errors=True)
    partial.replace(MODEL)
    HISTORY.parent.mkdir(parents=True, exist_ok=True)
    HISTORY.write_text(json.dumps(curves, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
