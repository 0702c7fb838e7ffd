"""Rules of mlops.tables.readers.jsonlines."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from mlops.core.errors import DataError
from mlops.tables.readers import shards
from mlops.tables.readers.jsonlines import JsonLines


def rows(folder: Path, content: bytes, name: str = "a.jsonl") -> list[dict[str, Any]]:
    """Write a file and read it."""
    (folder / name).write_bytes(content)
    [shard] = shards.find(str(folder / name), ("text", "label"))
    reader = JsonLines()
    schema = reader.schema(shard)
    return [row for batch in reader.batches(shard, schema) for row in batch.to_pylist()]


def test_values_become_text(tmp_path: Path) -> None:
    """Numbers and truth as JSON writes them, nested values as JSON, NaN and null as null."""
    line = b'{"text": "a", "label": 1, "ok": true, "tags": ["x"], "score": NaN, "none": null}\n'

    assert rows(tmp_path, line) == [
        {"text": "a", "label": "1", "ok": "true", "tags": '["x"]', "score": None, "none": None}
    ]


def test_keys_may_come_late_and_be_missing(tmp_path: Path) -> None:
    """Many writers leave out what is null."""
    lines = b'{"text": "a", "label": "x"}\n{"label": "y", "note": "n"}\n'

    assert rows(tmp_path, lines) == [
        {"text": "a", "label": "x", "note": None},
        {"text": None, "label": "y", "note": "n"},
    ]


def test_byte_order_mark_crlf_blank_lines_and_gzip_work(tmp_path: Path) -> None:
    """What editors and pipes do to a file does not matter."""
    content = '\ufeff{"text": "a", "label": "x"}\r\n\r\n{"text": "b", "label": "y"}'.encode()

    assert [row["text"] for row in rows(tmp_path, gzip.compress(content), "a.jsonl.gz")] == [
        "a",
        "b",
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"text": "a", "label"', r"Expecting ':' delimiter"),
        ('["a", "b"]', "no object"),
        ('{"text": ["a"], "label": "x"}', "'text' is a list"),
        (r'{"text": "\ud83d", "label": "x"}', "half of a surrogate pair"),
        ("[" * 100_000, "recursion"),
        ('{"text": "a", "label": "x", "label": "y"}', "'label' is there twice"),
        ("x" * 10_000_000, "Expecting value"),
    ],
)
def test_a_wrong_line_is_shown(tmp_path: Path, line: str, reason: str) -> None:
    """The error names the line, the reason and the next step, and cuts a long line."""
    with pytest.raises(
        DataError, match=rf"a\.jsonl, line 2: .*{reason}.*expected a JSON object"
    ) as told:
        rows(tmp_path, b'{"text": "a", "label": "x"}\n' + line.encode() + b"\n")

    assert len(str(told.value)) < 600


@pytest.mark.parametrize(
    ("content", "cure"),
    [
        ('[{"text": "a", "label": "x"}]', r"array: jq -c '\.\[\]'"),
        ('[\n{"text": "a", "label": "x"}\n]', r"array: jq -c '\.\[\]'"),
        ('{\n"text": "a",\n"label": "x"\n}', r"object in one line: jq -c \."),
        ('{"text": {"0": "a"}, "label": {"0": "x"}}', "orient='records', lines=True"),
        ('{"text": "a", "label": ["x", "y"]}', "several labels of one text"),
        ('{"text": "a", "label": "x"}\noops', "; correct it$"),
    ],
)
def test_the_way_to_lines_depends_on_what_is_there(tmp_path: Path, content: str, cure: str) -> None:
    """An array, an object over several lines, columns of pandas, several labels."""
    with pytest.raises(DataError, match=cure):
        rows(tmp_path, content.encode())


def test_a_text_may_hold_the_name_of_a_column(tmp_path: Path) -> None:
    """It is no key twice, and one deeper inside is another's."""
    line = '{"text": "its \\"label\\"", "label": "text", "more": {"label": "z"}}'

    assert rows(tmp_path, line.encode())[0]["label"] == "text"


def test_a_whole_surrogate_pair_is_a_letter(tmp_path: Path) -> None:
    r"""JSON may write an emoji as two \u escapes."""
    assert rows(tmp_path, rb'{"text": "\ud83d\ude00", "label": "x"}')[0]["text"] == "😀"


def test_another_encoding_is_found(tmp_path: Path) -> None:
    """The error names the line and the byte."""
    content = json.dumps({"text": "é"}, ensure_ascii=False).encode("latin-1")

    with pytest.raises(DataError, match=r"a\.jsonl, line 1, byte 11 of the line: not UTF-8"):
        rows(tmp_path, content)
