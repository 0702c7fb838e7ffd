"""Names that MLflow takes: valid, and never two for one. Knows no MLflow.

MLflow treats a name as a path, allows few characters in it and 250 of them; a store on MySQL also
takes names for equal that differ in case alone.
"""

import hashlib
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST = 250  # characters of a name
LONGEST_PARAM, LONGEST_TAG = 6000, 8000  # characters of a value
Path = tuple[str, ...]


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values as one level, named by their dotted path."""
    return {name: value for name, (_, value) in name_leaves(values, prefix).items()}


def find_renamed(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return by name the dotted path of each value whose name is another than that path."""
    paths = {name: ".".join(path) for name, (path, _) in name_leaves(values, prefix).items()}
    return {name: path for name, path in paths.items() if name != path}


def name_leaves(values: Mapping[str, Any], prefix: str) -> dict[str, tuple[Path, Any]]:
    """Return path and value by name; no two names are equal to any store."""
    found: dict[str, tuple[Path, Any]] = {}
    taken: set[str] = set()
    start = (prefix,) if prefix else ()
    for path, cleaned, value in _leaves(values, start, start):
        name = clean_name(".".join(cleaned), path)
        # {"a.b": 1, "a": {"b": 2}} have the same path.
        for length in (0, 8, 64):
            apart = _marked(name, path, length) if length else name
            if _folded(apart) not in taken:
                break
        taken.add(_folded(apart))
        found[apart] = (path, value)
    return found


def clean_name(name: str, path: Path = ()) -> str:
    """Return a name that MLflow takes, the same one where it does already."""
    plain = _clean(name)
    if posixpath.normpath(plain) != plain or plain.startswith("/"):
        plain = plain.replace("/", "_")
    if plain in ("", ".") or plain.startswith(".."):
        plain = f"_{plain}"
    return plain if len(plain) <= LONGEST else _marked(plain, path or (name,), 8)


def cut(text: str, longest: int) -> str:
    """Return a value as MLflow takes it: one that is cut says so, NUL is no text for PostgreSQL."""
    text = text.replace("\0", "\ufffd")
    end = f"... ({len(text)} characters, cut)"
    return text if len(text) <= longest else text[: longest - len(end)] + end


def _leaves(
    values: Mapping[str, Any], path: Path, cleaned: Path
) -> Iterator[tuple[Path, Path, Any]]:
    """Return path, cleaned path and value of each; equal siblings get a hash."""
    clean = {str(key): _clean(str(key)) for key in values}
    alike = Counter(map(_folded, clean.values()))
    for key, value in values.items():
        name, here = clean[str(key)], (*path, str(key))
        if alike[_folded(name)] > 1:
            name = _marked(name, (str(key),), 8)
        if isinstance(value, Mapping):
            yield from _leaves(value, here, (*cleaned, name))
        else:
            yield here, (*cleaned, name), value


def _clean(key: str) -> str:
    plain = re.sub(r"[^\w\-. /:]", "_", key)
    return plain.replace("/", "_") if re.search(r"/\.{0,2}/", plain) else plain


def _marked(name: str, path: Path, length: int) -> str:
    """Return a name with a hash of what it stands for; a long one is cut in the middle."""
    mark = hashlib.sha256("\0".join(path).encode("utf-8", "surrogatepass")).hexdigest()[:length]
    room = LONGEST - length - 2
    if len(name) <= room:
        return f"{name}-{mark}"
    return f"{name[: room - 40]}-{mark}-{name[-40:]}"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().rstrip()
