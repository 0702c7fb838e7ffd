"""Rules of mlops.training.rows."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from transformers import (
    BatchEncoding,
    BertTokenizerFast,
    DataCollatorWithPadding,
    PreTrainedTokenizerFast,
)

from ml.model import tokenizer as scratch
from mlops.core.errors import DataError, ModelError
from mlops.training import rows
from mlops.training.rows import Rows, Table

TEXTS = ["a film", "one " * 30, "", "it is good, and long enough", "bad", "an actor", "so so"]
LABELS = [0, 1, 1, 0, 1, 0, 2]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "film", "one", "good", "bad"]


@pytest.fixture(name="table")
def _table(tmp_path: Path) -> Table:
    path = tmp_path / "train.parquet"
    pl.DataFrame({"text": TEXTS, "label": LABELS, "source": ["web"] * 7}).write_parquet(path)
    return Table(path)


def bert(folder: Path, more: int = 0) -> PreTrainedTokenizerFast:
    """Return a tokenizer that gives types of tokens as well, with so many words more."""
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join([*WORDS, *(f"w{n}" for n in range(more))]))
    return BertTokenizerFast(vocab=str(vocabulary), model_max_length=16)


def byte_level(_folder: Path) -> PreTrainedTokenizerFast:
    """Return the tokenizer of a model that starts from random weights."""
    return scratch.train(TEXTS, "bert", 300, 16)


@pytest.mark.parametrize("make", [byte_level, bert])
def test_rows_are_what_the_tokenizer_says(
    make: Any, table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of any piece, with all that it gives; a batch gets the mask that is not stored."""
    monkeypatch.setattr(rows, "PIECE", 3)
    tokenizer = make(tmp_path)
    found = rows.tokenize({"train": table}, tokenizer, tmp_path / "tokens")["train"]
    expected = tokenizer(TEXTS, truncation=True)
    collate = DataCollatorWithPadding(tokenizer)
    wanted = [
        {**{name: values[row] for name, values in expected.items()}, "labels": LABELS[row]}
        for row in range(len(TEXTS))
    ]
    batch, other = collate([found[row] for row in range(len(found))]), collate(wanted)

    assert set(batch) == set(other)
    assert all(torch.equal(batch[name], other[name]) for name in other)
    assert found.lengths().tolist() == [len(ids) for ids in expected["input_ids"]]
    assert found.truncated == pytest.approx(1 / 7)


def test_a_large_vocabulary_keeps_its_last_token(table: Table, tmp_path: Path) -> None:
    """Beyond 65,536 tokens an id takes four bytes, up to there two."""
    tokenizer = bert(tmp_path, 70_000)
    pl.DataFrame({"text": ["w69999 a"], "label": [0]}).write_parquet(table.path)
    rows.write(Table(table.path), tokenizer, tmp_path / "tokens")
    found = Rows(tmp_path / "tokens")

    assert found[0]["input_ids"] == tokenizer("w69999 a")["input_ids"]
    assert max(found[0]["input_ids"]) > 2**16
    assert found.columns["input_ids"].dtype == np.uint32


def test_ids_may_have_gaps(table: Table, tmp_path: Path) -> None:
    """The size of the vocabulary says nothing about the highest id."""
    tokenizer = byte_level(tmp_path)
    vocabulary = {**tokenizer.get_vocab(), "far": 70_000}
    tokenizer.get_vocab = lambda: vocabulary
    rows.write(table, tokenizer, tmp_path / "tokens")

    assert Rows(tmp_path / "tokens").columns["input_ids"].dtype == np.uint32


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"input_ids": [[1], [-1]]}, "not all input_ids are whole numbers of uint16"),
        ({"input_ids": [[1], [2]], "token_type_ids": [[0.5], [0]]}, "not all token_type_ids"),
        ({"input_ids": [[1], [2]], "entity_ids": [[1, 2], []]}, "entity_ids have not one value"),
    ],
)
def test_what_does_not_fit_is_refused(
    given: dict[str, list[list[Any]]], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than trained as another number."""
    path = tmp_path / "train.parquet"
    pl.DataFrame({"text": ["a", "b"], "label": [0, 1]}).write_parquet(path)
    tokenizer = byte_level(tmp_path)
    monkeypatch.setattr(type(tokenizer), "__call__", lambda *_, **__: BatchEncoding(given))

    with pytest.raises(ModelError, match=said):
        rows.write(Table(path), tokenizer, tmp_path / "tokens")


def test_a_row_without_a_label_is_refused(tmp_path: Path) -> None:
    """What prepare never writes is no class of its own."""
    path = tmp_path / "train.parquet"
    pl.DataFrame({"text": ["a", "b"], "label": [0, None]}).write_parquet(path)

    with pytest.raises(ModelError, match="train: not all labels are whole numbers of int64"):
        rows.write(Table(path), byte_level(tmp_path), tmp_path / "train")


def test_rows_are_pages_of_files(table: Table, tmp_path: Path) -> None:
    """Two processes share them, and no Python object stands for a token."""
    rows.write(table, byte_level(tmp_path), tmp_path / "tokens")
    found = Rows(tmp_path / "tokens")

    for array in (*found.columns.values(), found.starts, found.labels):
        assert isinstance(array.base, np.memmap)
        assert not array.flags.writeable


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (None, "is missing"),
        (b"", "is damaged"),
        (b"PAR1 no more", "is damaged"),
        ({"text": ["a"]}, r"is damaged \(it has no column 'label'\)"),
    ],
)
def test_a_table_that_cannot_be_read_is_said_to_be_so(
    content: bytes | dict[str, list[str]] | None, wrong: str, tmp_path: Path
) -> None:
    """Before any row of it is asked for."""
    path = tmp_path / "train.parquet"
    if isinstance(content, dict):
        pl.DataFrame(content).write_parquet(path)
    elif content is not None:
        path.write_bytes(content)

    with pytest.raises(DataError, match=rf"train\.parquet {wrong}.*; run `make train` to make it"):
        Table(path)


def test_a_table_damaged_amid_is_said_to_be_so(table: Table) -> None:
    """What its end promises must be there."""
    content = bytearray(table.path.read_bytes())
    content[4:60] = b"\xff" * 56
    table.path.write_bytes(content)

    with pytest.raises(DataError, match=r"is damaged .*; run `make train`"):
        list(table)
