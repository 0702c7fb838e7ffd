"""Read and write small files: whole or not at all, and a damaged one is said to be so."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.core.errors import DataError, KnownError

if TYPE_CHECKING:
    import polars as pl

AGAIN = "run `make train` to make it again"


def write(path: Path, content: bytes) -> None:
    """Write a file, or leave it as it was: not even a power cut leaves a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write sorted, readable JSON, or leave the file as it was."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    write(path, f"{text}\n".encode())


def read_json(
    path: Path, *keys: str, error: type[KnownError] = DataError, cure: str = AGAIN
) -> dict[str, Any]:
    """Read a JSON object that has at least these keys."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise error(f"{path} is missing; {cure}") from None
    except (ValueError, RecursionError) as reason:
        wrong = str(reason) if path.stat().st_size else "it is empty"
    except OSError as reason:
        wrong = reason.strerror or str(reason)
    else:
        lacking = [key for key in keys if not isinstance(found, dict) or key not in found]
        if isinstance(found, dict) and not lacking:
            return found
        wrong = f"it has no {lacking[0]!r}" if lacking else "it is not a JSON object"
    raise error(f"{path} is damaged ({wrong}); {cure}")


def known(path: Path) -> dict[str, Any] | None:
    """Read a JSON object that can be made anew; None where it is missing or damaged."""
    try:
        return read_json(path)
    except DataError:
        return None


@contextmanager
def reading(path: Path, *errors: type[Exception]) -> Iterator[None]:
    """Say that a table is missing or damaged; `errors` are those of the library that reads it."""
    failures: tuple[type[Exception], ...] = (OSError, *errors)
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path} is missing; {AGAIN}") from None
    except failures as error:
        first = str(error).strip().partition("\n")[0]
        raise DataError(f"{path} is damaged ({first}); {AGAIN}") from None


def expect(path: Path, found: Sequence[str], columns: Sequence[str]) -> None:
    """Raise DataError where a table lacks one of these columns."""
    if lacking := [name for name in columns if name not in found]:
        raise DataError(f"{path} is damaged (it has no column {lacking[0]!r}); {AGAIN}")


def read_parquet(path: Path, *columns: str, only: bool = False) -> "pl.DataFrame":
    """Read a table that has at least these columns; `only` them where so asked."""
    import polars as pl  # noqa: PLC0415  of no need to those who read JSON

    with reading(path, pl.exceptions.PolarsError):
        found = pl.read_parquet(path, columns=list(columns) if only else None)
        expect(path, found.columns, columns)
    return found


def set_aside(path: Path) -> Path:
    """Move what is damaged out of the way; return where it is now."""
    aside = path.with_name(f"{path.name}.damaged")
    if aside.is_dir():
        shutil.rmtree(aside)
    return path.replace(aside)
