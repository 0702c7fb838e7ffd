"""The rows of a split as the Trainer takes them: token ids and labels, in files that are mapped.

Reads, writes: .checkpoints/<key>/tokens/<split>/: a flat array for each column, where each row
    starts, and rows.json, which is written last
"""

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from mlops.core import files, terminal
from mlops.core.errors import ModelError

log = logging.getLogger(__name__)

PIECE = 10_000  # texts that are in memory at a time
MANY = 0.05  # share of texts that may be truncated without a warning
MASK = "attention_mask"  # of ones where nothing is padded yet: the collator makes it
NOTE = "rows.json"


class Table:
    """A prepared split, read a piece at a time, as often as it is asked for its texts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with files.reading(path, pa.ArrowException), pq.ParquetFile(path) as file:
            self.rows, names = file.metadata.num_rows, file.schema_arrow.names
            files.expect(path, names, ("text", "label"))

    def __len__(self) -> int:
        return int(self.rows)

    def __iter__(self) -> Iterator[str]:
        for piece in self.pieces("text"):
            yield from piece["text"].to_pylist()

    def pieces(self, *columns: str) -> Iterator[pa.RecordBatch]:
        """Give the rows, some thousands at a time."""
        with files.reading(self.path, pa.ArrowException), pq.ParquetFile(self.path) as file:
            yield from file.iter_batches(PIECE, columns=list(columns))


class Rows(Dataset[dict[str, Any]]):
    """Tokenized texts with their labels: pages of files, which processes share."""

    def __init__(self, folder: Path) -> None:
        note = files.read_json(folder / NOTE, "columns", "truncated")
        arrays = {
            name: np.asarray(np.memmap(folder / f"{name}.bin", kind, "r"))
            for name, kind in note["columns"].items()
        }
        self.labels = arrays.pop("labels")
        self.starts = arrays.pop("starts")
        self.columns = arrays
        self.truncated: float = note["truncated"]  # share of texts longer than the model takes

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> dict[str, Any]:
        part = slice(self.starts[row], self.starts[row + 1])
        return {
            **{name: values[part].tolist() for name, values in self.columns.items()},
            "labels": int(self.labels[row]),
        }

    def lengths(self) -> torch.Tensor:
        """Return the number of tokens of each row."""
        return torch.from_numpy(np.diff(self.starts).astype(np.int32))


def tokenize(
    tables: Mapping[str, Table], tokenizer: PreTrainedTokenizerBase, folder: Path
) -> dict[str, Rows]:
    """Tokenize the texts of each split; warn if the model does not see the end of many of them."""
    splits = {}
    for name, table in tables.items():
        write(table, tokenizer, folder / name)
        splits[name] = Rows(folder / name)
    if (share := splits["train"].truncated) > MANY:
        log.warning(
            "warning: %.0f %% of the training texts are longer than model.max_length (%d tokens), "
            "and the rest of them is ignored; raise it if the end of a text matters",
            100 * share,
            tokenizer.model_max_length,
        )
    return splits


def write(table: Table, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Tokenize the texts of a table piece by piece into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    what = f"tokenizing {folder.name}"
    pieces = table.pieces("text", "label")
    shown = terminal.follow(pieces, lambda one: int(one.num_rows), len(table), what)
    with ExitStack() as stack:
        sink = _Sink(folder, tokenizer, stack)
        for piece in shown:
            sink.add(piece["text"].to_pylist(), piece["label"].to_numpy(zero_copy_only=False))
    truncated = sink.cut / max(1, len(table))
    files.write_json(folder / NOTE, {"columns": sink.kinds, "truncated": truncated})


class _Sink:
    """The files of a split while they are written."""

    def __init__(self, folder: Path, tokenizer: PreTrainedTokenizerBase, stack: ExitStack) -> None:
        self.folder, self.tokenizer, self.stack = folder, tokenizer, stack
        # Not the size of the vocabulary: ids may have gaps.
        ids = "uint16" if max(tokenizer.get_vocab().values()) < 2**16 else "uint32"
        self.known = {"input_ids": ids, "labels": "int64", "starts": "int64"}
        self.kinds: dict[str, str] = {}
        self.files: dict[str, BinaryIO] = {}
        self.end = self.cut = 0
        self._append("starts", np.zeros(1))

    def add(self, texts: list[str], labels: "np.ndarray[Any, Any]") -> None:
        """Tokenize texts and write them with their labels."""
        found = self.tokenizer(texts, truncation=True)
        lengths = np.array([len(ids) for ids in found["input_ids"]])
        for name, values in found.items():
            if [len(row) for row in values] != lengths.tolist():
                raise ModelError(f"the tokenizer's {name} have not one value for each token")
            if name != MASK:
                self._append(name, np.concatenate([np.asarray(row) for row in values]))
        self._append("starts", self.end + np.cumsum(lengths))
        self._append("labels", labels)
        self.end += int(lengths.sum())
        if self.tokenizer.is_fast:
            self.cut += sum(bool(one.overflowing) for one in found.encodings)
        else:  # one that just fits counts as well
            self.cut += int((lengths >= self.tokenizer.model_max_length).sum())

    def _append(self, name: str, values: "np.ndarray[Any, Any]") -> None:
        if name not in self.files:
            path = self.folder / f"{name}.bin"
            self.files[name] = self.stack.enter_context(path.open("wb"))
            self.kinds[name] = self.known.get(name, "int32")
        kept = values.astype(self.kinds[name])
        if not np.array_equal(kept, values):
            raise ModelError(
                f"{self.folder.name}: not all {name} are whole numbers of {kept.dtype}"
            )
        self.files[name].write(kept.tobytes())
