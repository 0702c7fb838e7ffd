"""Bring a file of data into the project: as UTF-8, in its place, tracked where a clone finds it.

Reads: a file or folder, ENCODING, the Git repository
Writes: data/, *.dvc, .gitignore
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from mlops.core import hashing
from mlops.core.errors import ConfigError, DataError, StorageError
from mlops.pipeline import tracked
from mlops.tables import local
from mlops.tables.readers import magic

FOLDER = Path("data")
TEXT = {".csv", ".tsv", ".jsonl", ".ndjson", ".json"}
USUAL = "WINDOWS-1252"  # what Excel writes in the west, where it does not write UTF-8
FOREIGN = re.compile(r"\w*[^\x00-\x7f]\w*")


def recoded(source: Path, folder: Path) -> tuple[Path, str]:
    """Return the file as UTF-8, in `folder` if it was something else, and what was done."""
    if source.is_dir() or source.suffix.lower() not in TEXT:
        return source, ""
    encoding = os.environ.get("ENCODING") or _encoding(source)
    if not encoding or encoding.upper() in ("UTF-8", "UTF8"):
        return source, ""
    target = folder / source.name
    example = ""
    try:
        with (
            source.open(encoding=encoding, newline="") as old,
            target.open("w", encoding="utf-8", newline="") as new,
        ):
            for line in old:
                new.write(line)
                example = example or next(iter(FOREIGN.findall(line.lstrip("\ufeff"))), "")
    except (UnicodeError, LookupError) as error:
        raise DataError(
            f"{source} cannot be read as {encoding} ({error}); name its encoding: ENCODING=..."
        ) from None
    shown = f", for example {example!r}" if example else ""
    doubt = (
        ""
        if os.environ.get("ENCODING") or encoding != USUAL
        else ("; where that reads wrong, name another: ENCODING=...")
    )
    return target, f"read as {encoding}{shown} and written as UTF-8{doubt}"


def _encoding(source: Path) -> str:
    """Return the encoding of a file that is not UTF-8; nothing of one that its reader refuses."""
    with source.open("rb") as file:
        if other := magic.kind(file.read(magic.LENGTH)):
            marked = re.search(r"iconv -f (\S+)", other)
            return marked[1] if marked else ""
        file.seek(0)
        wrong = False
        for line in file:
            try:
                if not line.decode().isascii():
                    return ""  # some lines are UTF-8: those that are not have to be corrected
            except UnicodeDecodeError:
                wrong = True
    return USUAL if wrong else ""


def target(source: Path, found: Path, name: str) -> Path:
    """Return where the data will lie: where they are in the project, else in data/."""
    if tracked.inside(source) and found == source:
        return source.resolve().relative_to(Path.cwd().resolve())
    place = FOLDER / f"{name}{''.join(source.suffixes[-2:]) if _packed(source) else source.suffix}"
    if place.exists() and hashing.digest(place) != hashing.digest(found):
        raise ConfigError(f"{place} exists and holds other data; choose another NAME")
    return place


def _packed(source: Path) -> bool:
    return source.suffix.lower() == ".gz"


def bring(found: Path, place: Path) -> None:
    """Copy the data to their place, if they are not there."""
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f"{place.name}.partial")
    if found.is_dir():
        shutil.copytree(found, partial)
    else:
        shutil.copyfile(found, partial)
    partial.replace(place)


def track(place: Path) -> str:
    """Let Git or DVC know the data, and return who does."""
    in_git = ["git", "ls-files", "--error-unmatch", "--", str(place)]
    if subprocess.run(in_git, capture_output=True, check=False).returncode == 0:
        return "Git"
    tracker = local.tracker(place)
    whole = tracker.with_suffix("") if tracker else place
    words = [sys.executable, "-m", "dvc", "add", "--quiet", str(whole)]
    done = subprocess.run(words, text=True, capture_output=True, check=False)
    if done.returncode:
        reason = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise StorageError(f"`dvc add {place}` failed: {reason[0].removeprefix('ERROR: ')}")
    return str(local.tracker(place))
