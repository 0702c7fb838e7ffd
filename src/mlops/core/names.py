"""The names that a user may choose from, and the one that was probably meant.

Reads: conf/, EXP, configs/ (where the first workflow guide kept experiments)
"""

import difflib
import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from mlops.core.errors import ConfigError

CONF = Path("conf")
EXPERIMENTS = CONF / "experiment"
OLD = Path("configs")
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
GROUPS = {"env": "environment", "experiment": "experiment", "model": "model"}


def options(group: str) -> list[str]:
    """List the files of a group, by the names under which they are chosen."""
    folder = CONF / group
    return sorted(
        path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml")
    )


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the known name that is most like `name`, if any is."""
    choices = {choice.lower(): choice for choice in known}
    word = name.lower()
    for lower, choice in choices.items():
        if len(word) > 1 and (lower.startswith(word) or word.startswith(lower)):
            return choice
    close = difflib.get_close_matches(word, choices, n=1, cutoff=likeness)
    return choices[close[0]] if close else None


def asked_experiment(asked: str | None = None) -> str:
    """Return the experiment that EXP (or a word) names: a name, or the path of its file."""
    asked = asked or os.environ.get("EXP") or ""
    if not asked.endswith(".yaml"):
        return asked
    beside = EXPERIMENTS / asked
    path = Path(os.path.relpath((beside if beside.is_file() else Path(asked)).resolve()))
    inside = path.is_relative_to(EXPERIMENTS)
    return path.relative_to(EXPERIMENTS).with_suffix("").as_posix() if inside else asked


def moved(path: Path) -> str:
    """Return what to do with an experiment that lies where nothing reads it."""
    new = EXPERIMENTS / f"{path.stem}.yaml"
    if new.exists():
        return (
            f"{path}: experiments are read from {EXPERIMENTS}, which has {new.name} already. "
            f"Put the change into {new} and remove {path}"
        )
    return (
        f"{path}: experiments are read from {EXPERIMENTS}. Move it: "
        f"`mv {shlex.quote(str(path))} {shlex.quote(str(new))}`, then use EXP={path.stem}"
    )


def strays() -> list[Path]:
    """Return the files of the old guide's folder that are experiments: nothing reads them."""
    if not OLD.is_dir():
        return []
    known = _sections(CONF / "config.yaml")
    found = [path for path in sorted(OLD.glob("*.yaml")) if not path.is_symlink()]
    return [path for path in found if set() < _sections(path) <= known]


def _sections(path: Path) -> set[str]:
    return set(re.findall(r"^(\w+):", path.read_text("utf-8", "replace"), re.M))


def check(group: str, name: str, place: str) -> None:
    """Refuse a name that no file of the group has."""
    known = options(group)
    if name in known:
        refuse_odd(name, place)
        return
    old = Path(name) if name.endswith(".yaml") else OLD / f"{name}.yaml"
    if group == "experiment" and old.is_file():
        raise ConfigError(f"{place}: {moved(Path(os.path.relpath(old)))}")
    stems = {Path(one).name: one for one in known}
    like = stems.get(nearest(Path(name).stem, stems) or "")
    meant = f"did you mean {like!r}? " if like else ""
    if (CONF / group / f"{name}.yml").is_file():
        meant = f"{name}.yml must be named {name}.yaml; "
    raise ConfigError(
        f"{place}: unknown {GROUPS[group]} {name!r}; {meant}"
        f"expected one of: {', '.join(known)} ({CONF / group}/*.yaml)"
    )


def refuse_odd(name: str, place: str) -> None:
    """Refuse a name that a shell or make would take for more than a name."""
    if not PLAIN.fullmatch(name):
        raise ConfigError(
            f"{place}: {shown(name)} has characters that a name may not have; rename its "
            "file, with letters (a to z), digits, `.`, `_` and `-` only"
        )


def shown(name: str) -> str:
    """Return a name for a log: one line, whatever it holds."""
    return name if PLAIN.fullmatch(name) else ascii(name)
