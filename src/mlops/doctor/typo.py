"""Say what was probably meant by a word on make's command line that no target knows.

Needs nothing that is installed. make calls it before anything runs, and only for unknown words.

Reads: the unknown words and the known ones, as arguments; a variable ends in `=`. The Makefile, and
    conf/, whose references (`${DEPTH}`) are variables as well
"""

import re
import sys
from pathlib import Path

from mlops.core.errors import ConfigError, run
from mlops.core.names import CONF, nearest


def complaint(word: str, known: list[str]) -> str | None:
    """Return a sentence about an unknown word; nothing if make or a program may know it."""
    if not word.endswith("="):
        return None if re.search(r"[./%]", word) else _target(word, known)
    name = word.removesuffix("=")
    plain = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)
    programs = plain and "_" in name
    return None if programs or name in _referred() else _variable(name, known)


def _target(word: str, known: list[str]) -> str:
    like = nearest(word, [one for one in known if not one.endswith("=")])
    meant = f"Did you mean `make {like}`? " if like else ""
    return f"unknown command `make {word}`. {meant}`make` prints all commands."


def _variable(name: str, known: list[str]) -> str:
    names = [one.removesuffix("=") for one in known if one.endswith("=")]
    like = nearest(name, names)
    meant = f"Did you mean {like}=...?" if like else f"Known are {', '.join(names)}."
    return (
        f"unknown variable {name}=... {meant} "
        f"A variable for a program goes before make: `{name}=... make`"
    )


def _referred() -> set[str]:
    """Return the variables that the Makefile sets and those that conf/ refers to."""
    files = [Path("Makefile"), *CONF.rglob("*.yaml")]
    texts = "\n".join(path.read_text("utf-8", "replace") for path in files if path.is_file())
    return {
        *re.findall(r"^(?:export )?([A-Z]+) *[:?]?=", texts, re.M),
        *re.findall(r"\$\{(?:oc\.env:)?([A-Z]+)\b", texts),
    }


def main() -> None:
    """Complain about the first word that is wrong."""
    unknown, known = (argument.split() for argument in sys.argv[1:3])
    for word in unknown:
        if message := complaint(word, known):
            raise ConfigError(message)


if __name__ == "__main__":
    run(main)
