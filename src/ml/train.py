"""Train the classifier on the prepared rows.

Reads: data/prepared/{train,val}.parquet, data/prepared/labels.json
Writes: models/model/, reports/history.json; while it runs .checkpoints/
"""

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import (
    DataCollatorWithPadding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    set_seed,
)
from transformers.optimization import Adafactor

from ml import config
from ml.config import Params, Training
from ml.model import losses
from ml.model.model import build, save
from mlops.core import files, hashing, outputs, paths
from mlops.core.errors import run
from mlops.tracking import runs
from mlops.training import arguments, checkpoint_key, hardware, rows
from mlops.training.rows import Rows, Table
from mlops.training.trainer import BucketTrainer, accuracy, predicted_classes

log = logging.getLogger(__name__)

PREPARED = Path("data/prepared")
MODEL = Path("models/model")
HISTORY = Path("reports/history.json")


def main() -> None:
    """Read the rows, build the model, train it, write it."""
    params = config.load()
    hardware.set_up(params)

    labels = files.read_json(PREPARED / "labels.json", "labels")["labels"]
    for test in params.evaluate.behaviour:
        test.expect(labels)  # evaluate needs it: better now than after hours of training
    tables = {name: Table(PREPARED / f"{name}.parquet") for name in ("train", "val")}
    digests = {name: hashing.digest(table.path) for name, table in tables.items()}

    folder = paths.checkpoints(checkpoint_key.key(params, digests))
    with runs.training_run(params, digests, folder / "run") as tracker:
        set_seed(params.training.seed)
        texts = tables["train"]
        log.info("building %s for %s texts", params.model.name, f"{len(texts):,}")
        model, tokenizer = build(params.model, labels, texts)

        log.info("tokenizing")
        splits = rows.tokenize(tables, tokenizer, folder / "tokens")

        trainer = build_trainer(params, model, tokenizer, splits, folder)
        trainer.fit(tracker.log_metrics, params.training.early_stopping)

        with outputs.folder(MODEL) as partial:
            save(model, tokenizer, partial)
        curves = {**trainer.history(), "truncated": round(splits["train"].truncated, 6)}
        outputs.write_json(HISTORY, curves)
        tracker.finish(params, hashing.digest(MODEL))
    shutil.rmtree(folder)


def build_trainer(
    params: Params,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    splits: Mapping[str, Rows],
    folder: Path,
) -> BucketTrainer:
    """Return the Trainer with this project's loss, optimizer and schedule; log its steps."""
    training, train = params.training, splits["train"]
    steps = arguments.count_steps(params, len(train), training.gradient_accumulation)
    log.info("training on %s", steps)
    constant = "constant_with_warmup" if training.warmup else "constant"
    return BucketTrainer(
        model=model,
        args=arguments.build(
            params,
            steps,
            folder,
            learning_rate=training.learning_rate,
            lr_scheduler_type=constant if training.schedule == "constant" else training.schedule,
            warmup_steps=training.warmup,  # below 1 it is a share of all steps
            weight_decay=training.weight_decay,
            max_grad_norm=training.max_grad_norm,
        ),
        data_collator=DataCollatorWithPadding(tokenizer),
        train_dataset=train,
        eval_dataset=splits["val"],
        compute_loss_func=losses.build(training, train.labels, model.config.num_labels),
        compute_metrics=accuracy,
        preprocess_logits_for_metrics=predicted_classes,
        optimizer_cls_and_kwargs=optimizer(training),
    )


def optimizer(training: Training) -> tuple[type[torch.optim.Optimizer], dict[str, Any]]:
    """Return the class and the arguments of the optimizer that the configuration names."""
    kinds: dict[str, tuple[type[torch.optim.Optimizer], dict[str, Any]]] = {
        "adam": (torch.optim.Adam, {"fused": True}),
        "adamw": (torch.optim.AdamW, {"fused": True}),
        "sgd": (torch.optim.SGD, {"momentum": training.momentum}),
        "adafactor": (Adafactor, {"scale_parameter": False, "relative_step": False}),
    }
    kind, own = kinds[training.optimizer]
    return kind, {"lr": training.learning_rate, **own}


if __name__ == "__main__":
    run(main)
