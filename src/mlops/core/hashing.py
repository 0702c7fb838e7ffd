"""Stable hashes: where a row goes, and whether a file has changed."""

import hashlib
import json
from collections.abc import Container
from pathlib import Path


def unit(text: str, salt: str) -> float:
    """Map a text to [0, 1) by its content alone; each salt gives an independent number."""
    raw = hashlib.blake2b(
        text.encode("utf-8", "surrogatepass"), digest_size=8, key=salt.encode()
    ).digest()
    # 53 bits: the most that a float holds exactly, so that the result is never rounded up to 1.
    return (int.from_bytes(raw, "big") >> 11) / 2**53


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's sorted relative names and contents."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    total = hashlib.sha256()
    for file_path in sorted(p for p in path.rglob("*") if p.is_file()):
        total.update(f"{file_path.relative_to(path).as_posix()}\0{digest(file_path)}\n".encode())
    return total.hexdigest()


def dvc(path: Path, leaving: Container[str] = ()) -> str:
    """Return the MD5 by which DVC names a file, or a folder's list of names and contents.

    Of a folder's files those named in `leaving` are left out.
    """
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    files = {p.relative_to(path).as_posix(): p for p in path.rglob("*") if p.is_file()}
    parts = [
        {"md5": dvc(files[name]), "relpath": name} for name in sorted(files) if name not in leaving
    ]
    listed = json.dumps(parts, sort_keys=True)
    return f"{hashlib.md5(listed.encode(), usedforsecurity=False).hexdigest()}.dir"


def text(value: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(value.encode()).hexdigest()
