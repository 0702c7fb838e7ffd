"""A page of results: sections that are measured anew replace their earlier selves."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import machine
from table import Section

BUSY = 0.5


def state(source: Path) -> str:
    """Return the note that says what is measured, on what, and how busy that is."""
    load = machine.load()
    busy = " **The machine was busy: wall times are too long.**" if load > BUSY else ""
    measured = f"Commit {machine.commit(source)} on {machine.processor()}"
    return f"{measured}; {load:.1f} cores busy before.{busy}"


def printed(sections: Sequence[Section], state: str) -> dict[str, str]:
    """Print sections, each with the state before it was measured; return them by title."""
    noted = (replace(section, notes=[*section.notes, state]) for section in sections)
    texts = {section.title: section.markdown() for section in noted}
    for text in texts.values():
        print(text, flush=True)
    return texts


def earlier(path: Path) -> dict[str, str]:
    """Return the sections of a file by their titles."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {part.split("\n", 1)[0].removeprefix("## "): part.strip() + "\n" for part in parts}


def page(
    header: str, packages: Sequence[str], titles: Sequence[str], sections: dict[str, str]
) -> str:
    """Return the whole page, sections in the order of the titles."""
    parts = [sections[title] for title in titles if title in sections]
    return f"{header}\nMachine: {machine.facts(packages)}.\n\n" + "\n".join(parts)
