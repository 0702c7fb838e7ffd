"""Bring what the template has changed into the work tree, as Git merges a branch.

copier renders the template twice: as the project last had it, and as it is now. Git puts the
difference onto the project and follows what either side has renamed, so that no change of the
project goes without a word.

Reads: .copier-answers.yml, the template
Writes: the work tree and, where something is left to decide, the index
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from mlops.core.errors import TemplateError
from mlops.core.paths import ANSWERS
from mlops.template.copier import git, remembered, run

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


@dataclass(frozen=True)
class Outcome:
    """Files, by what became of them."""

    conflicts: list[str]  # both sides changed the same lines
    kept: list[str]  # changed here, removed by the template
    left_out: list[str]  # removed here, changed by the template
    followed: list[str]  # renamed by either side, with the changes of both


def render(folder: Path, *words: str) -> str:
    """Render the template with this project's answers; return the release that was taken."""
    source = remembered("_src_path")
    run("copy", "--quiet", "--defaults", "--data-file", str(ANSWERS), *words, source, str(folder))
    return remembered("_commit", folder)


def merge(before: Path, after: Path, release: str) -> Outcome:
    """Put onto the project what changed between two rendered templates."""
    old = git("commit-tree", _tree(before), "-m", "The template, as it was", variables=WHO)
    new = git(
        "commit-tree", _tree(after), "-p", old, "-m", f"the template's {release}", variables=WHO
    )
    _check_untracked(old, new)
    try:
        git(*SETTINGS, "cherry-pick", "--no-commit", new)
    except TemplateError:
        if not git("ls-files", "--unmerged"):
            raise
    outcome = _outcome(old, new)
    if outcome.left_out:
        git("rm", "--quiet", "--force", "--", *outcome.left_out)
    if not outcome.conflicts and not outcome.kept:
        git("reset", "--quiet")  # so that `git diff` shows it
    shutil.copyfile(after / ANSWERS, ANSWERS)
    return outcome


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
    known = set(_names("ls-files"))
    fresh = set(_names("diff", "--name-only", "--no-renames", "--relative", old, new)) - known
    if found := sorted(name for name in fresh if Path(name).exists()):
        raise TemplateError(
            f"the template brings {', '.join(found)}, which Git ignores here and could not bring "
            "back; move it away, then run the same command again"
        )


def _outcome(old: str, new: str) -> Outcome:
    codes = _unmerged()
    both = "1" in codes.values()  # some file got a name of its own from each side
    gone = [name for name, code in codes.items() if code == "13" or (code == "3" and not both)]
    kept = [name for name, code in codes.items() if code == "12" or (code == "2" and not both)]
    theirs = set(_names("diff", "--name-only", "--no-renames", "--relative", old, new))
    touched = set(_names("diff", "--name-only", "--no-renames", "--relative", "HEAD"))
    changed = set(_names("diff", "--name-only", "--no-renames", "--relative", old, "HEAD"))
    renamed = _names("diff", "--name-status", "--find-renames", "--diff-filter=R", "--relative",
                     old, new)  # fmt: skip
    pairs = zip(renamed[1::3], renamed[2::3], strict=True)
    moved = [
        f"{one} is now {other}, with what was changed here"
        for one, other in pairs
        if one in changed and one not in codes and other not in codes and Path(other).exists()
    ]
    own = [
        f"{name} got what the template changed in the file that it was before"
        for name in touched - theirs - {*codes}
    ]
    decided = {*gone, *kept}
    return Outcome(sorted({*codes} - decided), sorted(kept), sorted(gone), sorted(moved + own))


def _unmerged() -> dict[str, str]:
    """Return which versions of a file Git could not merge: 1 the old one, 2 ours, 3 theirs."""
    found: dict[str, str] = {}
    for line in _names("ls-files", "--unmerged"):
        told, _, name = line.partition("\t")
        found[name] = found.get(name, "") + told[-1]
    return found


def _names(*words: str) -> list[str]:
    return [name for name in git(words[0], "-z", *words[1:]).split("\0") if name]
