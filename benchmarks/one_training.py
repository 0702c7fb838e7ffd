"""Train once in this process and print examples per CPU second; training_speed.py starts it.

Run: python benchmarks/one_training.py per_item|beforehand|ours|plain ROWS SST2 OVERRIDES
"""

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import torch
from torch.utils.data import Dataset
from transformers import (
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    default_data_collator,
    set_seed,
)

from ml import train
from ml.model import model
from mlops.config.schema import Params
from mlops.pipeline import compose
from mlops.training.rows import Rows, Table, write
from mlops.training.sampler import BucketSampler

ROOT = Path(__file__).parent.parent
LENGTH = 64
WARM_UP = 64  # rows

Train = Callable[[Params, pl.DataFrame, pl.DataFrame, Any], None]


class PerItem(Dataset[dict[str, Any]]):
    """Rows that are tokenized when they are asked for."""

    def __init__(self, frame: pl.DataFrame, tokenizer: Any) -> None:
        self.texts, self.labels = frame["text"].to_list(), frame["label"].to_list()
        self.tokenizer = tokenizer

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, row: int) -> dict[str, Any]:
        encoded = self.tokenizer(
            self.texts[row], truncation=True, max_length=LENGTH, padding="max_length"
        )
        return {**encoded, "labels": self.labels[row]}


def per_item(params: Params, frame: pl.DataFrame, _val: pl.DataFrame, parts: Any) -> None:
    """Train as the Trainer does out of the box, tokenizing item by item."""
    out_of_the_box(params, PerItem(frame, parts[1]), parts[0])


def beforehand(params: Params, frame: pl.DataFrame, _val: pl.DataFrame, parts: Any) -> None:
    """Train as the Trainer does out of the box, tokenizing all at once before."""
    encoded = parts[1](
        frame["text"].to_list(), truncation=True, max_length=LENGTH, padding="max_length"
    )
    labels = frame["label"].to_list()
    columns = {**encoded, "labels": labels}
    rows = [{name: column[row] for name, column in columns.items()} for row in range(len(labels))]
    out_of_the_box(params, rows, parts[0])


def out_of_the_box(params: Params, rows: Any, model: Any) -> None:
    """Train with the Trainer's defaults."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=params.training.epochs,
            per_device_train_batch_size=params.training.batch_size,
            use_cpu=True,
        )
        Trainer(
            model=model, args=arguments, train_dataset=rows, data_collator=default_data_collator
        ).train()


def ours(params: Params, frame: pl.DataFrame, val: pl.DataFrame, parts: Any) -> None:
    """Train as the stage does, without its record in MLflow."""
    with tempfile.TemporaryDirectory() as folder:
        splits = {
            name: tokenized(rows, parts[1], Path(folder) / name)
            for name, rows in (("train", frame), ("val", val))
        }
        trainer = train.build_trainer(params, *parts, splits, Path(folder))
        trainer.fit(lambda *_: None, params.training.early_stopping)


def tokenized(frame: pl.DataFrame, tokenizer: Any, folder: Path) -> Rows:
    """Return the rows as the stage has them, in files."""
    table = folder.with_suffix(".parquet")
    frame.write_parquet(table)
    write(Table(table), tokenizer, folder)
    return Rows(folder)


def plain(params: Params, frame: pl.DataFrame, _val: pl.DataFrame, parts: Any) -> None:
    """Train the same batches in a loop of ten lines: what the Trainer itself costs is the rest."""
    model, tokenizer = parts
    training = params.training
    with tempfile.TemporaryDirectory() as folder:  # what is mapped stays when its name is gone
        rows = tokenized(frame, tokenizer, Path(folder) / "rows")
    collate = DataCollatorWithPadding(tokenizer)
    order = list(BucketSampler(rows.lengths(), training.batch_size, training.seed))
    kind, arguments = train.optimizer(training)
    optimizer = kind(model.parameters(), **arguments)
    model.train()
    for start in range(0, len(order), training.batch_size):
        batch = collate([rows[row] for row in order[start : start + training.batch_size]])
        model(**batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), training.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()


def main(function: str, rows: int, folder: Path, overrides: str) -> float:
    """Warm up, train, return examples per CPU second."""
    ways: dict[str, Train] = {
        "per_item": per_item,
        "beforehand": beforehand,
        "ours": ours,
        "plain": plain,
    }
    with contextlib.chdir(ROOT):
        params = compose.compose("dev", "default", overrides)
    torch.set_num_threads(1)
    texts = pl.read_parquet(folder / "train.parquet")
    val = pl.read_parquet(folder / "val.parquet").head(32)
    set_seed(params.training.seed)
    parts = model.build(params.model, ["negative", "positive"], texts["text"].to_list())
    ways[function](params, texts.tail(WARM_UP), val, parts)
    start = time.process_time()
    ways[function](params, texts.head(rows), val, parts)
    return min(rows, texts.height) / (time.process_time() - start)


if __name__ == "__main__":
    result = main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
    print()  # the progress bar leaves its line open
    print(json.dumps({"examples_per_cpu_second": result}))
