"""Read JSONL: an object in each line. All columns are text; what is nested stays JSON."""

import json
import math
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

import pyarrow as pa

from mlops.core.errors import DataError
from mlops.tables.messages import short
from mlops.tables.readers.shards import Shard

BATCH = 16_384  # rows

decode = json.JSONDecoder().decode  # as json.loads, which costs a microsecond more


class JsonLines:
    """One JSON object in each line."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}  # of each file when it was looked at first

    def schema(self, shard: Shard) -> pa.Schema:
        """Return all keys, in the order in which they turn up."""
        names: dict[str, None] = {}
        self._rows[shard.name] = 0
        for row in _objects(shard):
            self._rows[shard.name] += 1
            if not row.keys() <= names.keys():
                names.update(dict.fromkeys(row))
        return pa.schema([(name, pa.string()) for name in names])

    def batches(self, shard: Shard, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Give the rows; a key that a row does not have is null."""
        rows, given = _objects(shard), 0
        while chunk := list(islice(rows, BATCH)):
            values = ([_text(row.get(name)) for row in chunk] for name in schema.names)
            columns = [pa.array(column, pa.string()) for column in values]
            given += len(chunk)
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
        shard.check_rows(given, self._rows.get(shard.name, given))


def _objects(shard: Shard) -> Iterator[dict[str, Any]]:
    for number, line in shard.lines():
        if line.strip():
            try:
                yield _object(line, shard.needed)
            except (ValueError, RecursionError) as error:
                reason = "half of a surrogate pair" if isinstance(error, UnicodeError) else error
                fix = _fix(line.strip(), str(reason), number)
                raise DataError(
                    f"{shard.name}, line {number}: {reason}; expected a JSON object of plain "
                    f"values, found {short(line.strip())}; {fix}"
                ) from None


def _fix(line: str, reason: str, number: int) -> str:
    """Return what makes lines of objects of the file, as far as this line shows."""
    if line.startswith("[") and number == 1:
        return "make lines of the array: jq -c '.[]'"
    if line == "{" or (number == 1 and line.startswith("{") and "Expecting" in reason):
        return "write each object in one line: jq -c ."
    if "is an object" in reason:
        return "write one value for each row (pandas: to_json(..., orient='records', lines=True))"
    if "is a list" in reason:
        return "write one value for each row; several labels of one text are not supported"
    return "correct it"


def _object(line: str, needed: tuple[str, ...]) -> dict[str, Any]:
    row = decode(line)
    for name in needed:
        if line.count(f'"{name}"') > 1:
            json.loads(line, object_pairs_hook=partial(_once, name))
    if not isinstance(row, dict):
        raise ValueError("no object")
    for name in needed:
        if isinstance(row.get(name), (dict, list)):
            kind = "a list" if isinstance(row[name], list) else "an object"
            raise ValueError(f"{name!r} is {kind}")
    if "\\u" in line:
        json.dumps(row, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    return row


def _once(name: str, pairs: list[tuple[str, Any]]) -> None:
    """Refuse an object that has a key twice: of its values the last would count."""
    if [key for key, _ in pairs].count(name) > 1:
        raise ValueError(f"{name!r} is there twice")


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and math.isnan(value):  # how pandas writes what is missing
        return None
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
