"""Pin remote sources: which files a URL had, so that a commit reads the same bytes for good.

Reads: sources.lock
Writes: sources.lock
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from mlops.config.schema import Data
from mlops.core.errors import DataError
from mlops.core.urls import secret

LOCK = Path("sources.lock")
HEADER = """\
# The files of each remote source that this commit reads, even if it has changed since.
# Written when a source is first used and by REFRESH=1, which reads the current files. Commit it.
"""
FIX = (
    "restore what was made from it (`make pull` or `make train SHARE=1`), or read the source as "
    "it is now: `make train REFRESH=1`"
)

Role = Literal["train", "val", "test"]
ROLES: tuple[Role, ...] = ("train", "val", "test")
Counts = dict[str, int]  # rows by label
Changes = dict[Role, dict[str, Counts]]  # by split: rows `added` and `removed`


@dataclass(frozen=True)
class File:
    """One file as its store describes it; the same etag and size mean the same bytes."""

    name: str  # what follows the URL
    size: int
    etag: str  # or what the store has instead: a checksum, the time of the last change
    version: str | None = None  # where the bucket keeps versions


@dataclass(frozen=True)
class Pin:
    """The files of a source, and what they changed against those before."""

    files: list[File]
    previous: str | None = None  # fingerprint
    changes: Changes | None = None  # none: there was nothing before, or it could not be read
    settings: dict[str, Any] | None = None  # what the changes were counted under

    @property
    def fingerprint(self) -> str:
        """Return a hash of names, sizes and etags: another version of equal bytes is no change."""
        lines = [f"{file.name}\0{file.size}\0{file.etag}\n" for file in self.files]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def paths(data: Data) -> dict[Role, str | None]:
    """Return the configured sources."""
    return {"train": data.train_path, "val": data.val_path, "test": data.test_path}


def shares(data: Data) -> tuple[float, float]:
    """Return which parts of train become val and test: none where they have their own source."""
    return (
        0.0 if data.val_path else data.val_fraction,
        0.0 if data.test_path else data.test_fraction,
    )


def settings(role: Role, data: Data) -> dict[str, Any]:
    """Return all that decides which rows a source gives to which split."""
    columns = {"text_column": data.text_column, "label_column": data.label_column}
    if data.quoting != "auto":  # left out, so that pins of earlier releases stay comparable
        columns["quoting"] = data.quoting
    return columns | ({"split_off": list(shares(data))} if role == "train" else {})


def remote(path: str | None) -> bool:
    """Return whether a configured source is a URL whose content may change unseen."""
    return bool(path) and "://" in str(path) and not str(path).startswith(("file://", "hf:"))


def load() -> dict[str, Pin]:
    """Return the pins by URL; none before the first remote source."""
    if not LOCK.exists():
        return {}
    try:
        found = yaml.safe_load(LOCK.read_text(encoding="utf-8")) or {}
        pins = {url: _pin(entry) for url, entry in found.items()}
    except (yaml.YAMLError, UnicodeError, AttributeError, KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{LOCK} cannot be read ({reason}); restore it with "
            f"`git checkout {LOCK}`, or remove it and pin the sources as they are now: REFRESH=1"
        ) from None
    for url in pins:
        if what := secret(url):
            raise DataError(
                f"{LOCK} names {url} with {what}, which an earlier release wrote: change that "
                "credential, since it is in Git's history, and remove the entry"
            )
    return pins


def _pin(entry: dict[str, Any]) -> Pin:
    pin = Pin(
        [File(**file) for file in entry["files"]],
        entry.get("previous"),
        entry.get("changes"),
        entry.get("settings"),
    )
    if pin.fingerprint != entry["fingerprint"]:
        raise ValueError("a fingerprint does not match its files")
    return pin


def save(pins: Mapping[str, Pin]) -> None:
    """Write the pins, sorted, whole or not at all."""
    entries = {url: {"fingerprint": pin.fingerprint, **asdict(pin)} for url, pin in pins.items()}
    text = HEADER + yaml.safe_dump(entries, allow_unicode=True, width=10_000)
    partial = LOCK.with_name(f".{LOCK.name}.part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(LOCK)
