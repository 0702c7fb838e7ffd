"""The files of a project that may name modules of earlier releases, and those to bring along."""

import re
from collections.abc import Iterator
from pathlib import Path

from mlops.template.copier import git
from mlops.template.imports import table

# What the template says of earlier releases, what a run has recorded, and data.
PASSED_OVER = re.compile(
    r"^(tests/mlops/|data/|dvc\.lock$|CHANGELOG)|\.(lock|csv|tsv|jsonl)$|/moved\.txt$"
)


def files() -> Iterator[Path]:
    """Yield the files of text that may name modules of earlier releases."""
    names = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for path in map(Path, sorted({*names} - {""})):
        if path.is_file() and not path.is_symlink() and not PASSED_OVER.search(str(path)):
            text = path.read_bytes()
            if b"\0" not in text and (b"ml." in text or b"src/ml/" in text):
                yield path


def changed() -> list[str]:
    """Return the files of Python that differ from what is committed."""
    words = ("-z", "--relative", "--diff-filter=d", "HEAD", "--", "*.py")
    names = git("diff", "--name-only", *words)
    more = git("ls-files", "-z", "--others", "--exclude-standard", "--", "*.py")
    return sorted({*names.split("\0"), *more.split("\0")} - {""})


def follow() -> Iterator[str]:
    """Bring the project's own files in a folder that moved after it; yield what was done."""
    for old, new in table().items():
        if not old.endswith("*"):
            continue
        here, there = (Path("src", one[:-2].replace(".", "/")) for one in (old, new[0]))
        if (here / "__init__.py").exists():
            continue
        for path in sorted(here.glob("*.py")):
            if (there / path.name).exists():
                yield f"{path} stays where it is: {there / path.name} exists"
                continue
            text = path.read_bytes()
            absolute = rf"\1from {old[:-2]}.\2 import".encode()
            text = re.sub(rb"^([ \t]*)from \.(\w+) import", absolute, text, flags=re.M)
            path.write_bytes(text)
            path.rename(there / path.name)
            yield f"{path} is now {there / path.name}"
