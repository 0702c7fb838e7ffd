"""Run copier, and read and write what it remembers of a project.

Needs nothing that is installed but copier: projects are made before anything else is.

Reads: GIVEN, the names of the answers that `make` was told, such as NAME; .copier-answers.yml
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from mlops.core.errors import TemplateError
from mlops.core.paths import ANSWERS
from mlops.core.urls import plain

PROGRAM = Path(".venv/copier/bin/copier")
# Where updates come from, unless TEMPLATE says otherwise.
HOME = "https://github.com/MLops-Project-Platform/mlops-research-template.git"


def git(*words: str, folder: Path = Path(), variables: Mapping[str, str] | None = None) -> str:
    """Return what Git printed; raise TemplateError with what it complains of."""
    done = subprocess.run(
        ["git", *words],
        cwd=folder, env={**os.environ, **(variables or {})},
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise TemplateError(f"`git {' '.join(words[:3])}` failed: {done.stderr.strip()}")
    return done.stdout.strip()


def clean(folder: Path = Path()) -> None:
    """Refuse a work tree with changes, among which nobody could tell what was changed."""
    if changes := git("status", "--porcelain", folder=folder):
        first = changes.splitlines()[0]
        raise TemplateError(
            f"found uncommitted changes (`{first.strip()}`); commit or stash them, then "
            "run the same command again"
        )


def copy(target: Path, ask: bool) -> None:
    """Make a project of what is committed here; questions that `make` did not answer are asked."""
    commit = git("rev-parse", "HEAD")
    given = [word for pair in answered().items() for word in ("--data", "=".join(pair))]
    quiet = [] if ask else ["--defaults"]
    run("copy", "--quiet", "--vcs-ref", commit, *quiet, *given, str(Path.cwd()), str(target))


def answered() -> dict[str, str]:
    """Return the answers that `make` was told."""
    return {name.lower(): os.environ[name] for name in os.environ.get("GIVEN", "").split()}


def interactive() -> bool:
    """Tell whether somebody is there to be asked, and is not through with the answers."""
    return sys.stdin.isatty() and not answered()


def run(*words: str) -> None:
    """Run copier; its questions and progress go to the terminal, its complaint into the error."""
    done = subprocess.run(
        [PROGRAM.absolute(), *words], text=True, stderr=subprocess.PIPE, check=False
    )
    if done.returncode:
        lines = re.sub(r"\x1b\[[\d;]*m", "", done.stderr).strip().splitlines() or ["no output"]
        raise TemplateError(f"`copier {words[0]}` failed: {' '.join(lines[-3:])}")


def remembered(key: str, folder: Path = Path()) -> str:
    """Return what copier remembers of a project: `_src_path`, `_commit` or an answer."""
    text = (folder / ANSWERS).read_text(encoding="utf-8")
    found = re.search(rf"^{key}: *(.*)$", text, re.M)
    return found[1].strip("'\"") if found else ""


def remember(key: str, value: str, folder: Path) -> None:
    """Let copier remember something else; what it remembers is committed, so no credentials."""
    value = plain(value)
    path = folder / ANSWERS
    text = path.read_text(encoding="utf-8")
    path.write_text(
        re.sub(rf"^{key}: *.*$", lambda _: f"{key}: {value}", text, flags=re.M), encoding="utf-8"
    )
