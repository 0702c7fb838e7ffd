"""Bring what the template has changed into the work tree, as Git merges a branch.

copier renders the template twice: as the project last had it, and as it is now. Git puts the
difference onto the project and follows what either side has renamed, so that no change of the
project goes without a word. An update runs this file of the release that it brings.

Run: `python -P merge.py BEFORE AFTER`, two folders of copier's
Reads: both
Writes: the work tree and, where something is left to decide, the index
"""

import ast
import shutil
import sys
from pathlib import Path

from mlops.core.errors import TemplateError
from mlops.core.errors import run as run_command
from mlops.core.paths import ANSWERS
from mlops.template import moves
from mlops.template.copier import git, remembered
from mlops.template.outcome import Moved, Outcome, names, outcome_of, report

# What the project keeps as it is: params.yaml is composed anew, the answers are written at the end.
OURS = ("params.yaml", str(ANSWERS))
WHO = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "the template"), ("EMAIL", "template@localhost"))
}
# Whatever a person's own settings say; a folder that moved takes no file of the project along.
SETTINGS = (
    "-c", "merge.renames=true", "-c", "merge.renameLimit=0", "-c", "merge.conflictStyle=merge",
    "-c", "merge.directoryRenames=false", "-c", "rerere.enabled=false",
)  # fmt: skip


def merge(before: Path, after: Path) -> Outcome:
    """Put onto the project what changed between two rendered templates."""
    try:
        old, new, moved = _sides(before, after)
        git(*SETTINGS, "cherry-pick", "--no-commit", new)
    except Exception:
        if not git("ls-files", "--unmerged"):
            git("reset", "--quiet", "--hard")  # all was committed when this began
            raise
    outcome = outcome_of(old, new, moved)
    if outcome.left_out:
        git("rm", "--quiet", "--force", "--", *outcome.left_out)
    if not outcome.conflicts and not outcome.kept:
        git("reset", "--quiet")  # so that `git diff` shows it
    shutil.copyfile(after / ANSWERS, ANSWERS)
    return outcome


def _sides(before: Path, after: Path) -> tuple[str, str, Moved]:
    """Return commits of both releases, and which files of the project have moved."""
    brought = _tree(after)
    moved = _move(before, after)
    old = git("commit-tree", _tree(before), "-m", "The template, as it was", variables=WHO)
    title = f"the template's {remembered('_commit', after)}"
    new = git("commit-tree", brought, "-p", old, "-m", title, variables=WHO)
    _check_untracked(old, new)
    return old, new, moved


def _move(before: Path, after: Path) -> Moved:
    """Lay what was changed here in a file that moved where it is now, on both sides of the merge.

    Git sees no file become several, and none that has changed too much.
    """
    moved: Moved = {}
    table = moves.read(after / moves.TABLE)
    for old in sorted(path.relative_to(before) for path in before.rglob("*.py")):
        name = moves.module(old)
        places = [Path(moves.place(one)) for one in table[name]] if name in table else [old]
        there = [(after / one).is_file() and (one == old or not one.exists()) for one in places]
        if not there or not all(there) or (texts := _changed(old, before / old)) is None:
            continue
        others = [(after / one).read_text(encoding="utf-8") for one in places]
        halves = moves.split(name, *texts, others)
        for one, (base, mine) in zip(places, halves, strict=True):
            _write(before / one, base)
            _write(one, mine)
        git("add", "--", *map(str, places))
        if old not in places:
            (before / old).unlink()
            git("rm", "--quiet", "--force", "--", str(old))
        changed = [half[0] != half[1] for half in halves]
        moved[str(old)] = dict(zip(map(str, places), changed, strict=True))
    return moved


def _changed(here: Path, before: Path) -> tuple[str, str] | None:
    """Return what was and what the project made of it, if that is another file of Python."""
    if not (here.is_file() and before.is_file()):
        return None
    texts = before.read_text(encoding="utf-8"), here.read_text(encoding="utf-8")
    try:
        ast.parse(texts[1])
    except SyntaxError:
        return None
    return texts if texts[0] != texts[1] else None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")


def _tree(folder: Path) -> str:
    """Return a tree of Git with these files, at the project's place in its repository."""
    own = {
        "GIT_DIR": git("rev-parse", "--absolute-git-dir"),
        "GIT_WORK_TREE": str(folder),
        "GIT_INDEX_FILE": f"{folder}.index",
    }
    place = git("rev-parse", "--show-prefix")
    git(
        "add",
        "--all",
        "--force",
        ".",
        *(f":(exclude){name}" for name in OURS),
        folder=folder,
        variables=own,
    )
    tree = git("write-tree", folder=folder, variables=own)
    if place:
        git("read-tree", "--empty", folder=folder, variables=own)
        git("read-tree", f"--prefix={place}", tree, folder=folder, variables=own)
        tree = git("write-tree", folder=folder, variables=own)
    return tree


def _check_untracked(old: str, new: str) -> None:
    """Refuse to write over a file that Git ignores, which nothing could bring back."""
    known = set(names("ls-files"))
    fresh = set(names("diff", "--name-only", "--no-renames", "--relative", old, new)) - known
    if found := sorted(name for name in fresh if Path(name).exists()):
        raise TemplateError(
            f"the template brings {', '.join(found)}, which Git ignores here and could not "
            "restore; move it away, then run the same command again"
        )


def main() -> None:
    """Merge, then tell what is left to do by hand."""
    before, after = map(Path, sys.argv[1:])
    releases = [remembered("_commit", folder) for folder in (before, after)]
    outcome = merge(before, after)
    sys.stdout.write(f"from the template's {' to '.join(releases)}; see: git status, git diff\n")
    report(outcome)


if __name__ == "__main__":
    run_command(main)
