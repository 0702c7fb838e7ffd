"""What an update has made of each file, told to whoever reads the terminal."""

import sys
from dataclasses import dataclass
from pathlib import Path

from mlops.core.errors import TemplateError
from mlops.template.copier import git

# What a file has become, and in which of these the project has changed something.
Moved = dict[str, dict[str, bool]]


@dataclass(frozen=True)
class Outcome:
    """Files, by what became of them."""

    conflicts: list[str]  # both sides changed the same lines
    kept: list[str]  # changed here, removed by the template
    left_out: list[str]  # removed here, changed by the template
    followed: list[str]  # renamed by either side, with the changes of both


def outcome_of(old: str, new: str, laid: Moved) -> Outcome:
    """Return what Git has made of the merge that is in the work tree."""
    codes = _unmerged()
    both = "1" in codes.values()  # some file got a name of its own from each side
    gone = [name for name, code in codes.items() if code == "13" or (code == "3" and not both)]
    kept = [name for name, code in codes.items() if code == "12" or (code == "2" and not both)]
    theirs = set(names("diff", "--name-only", "--no-renames", "--relative", old, new))
    touched = set(names("diff", "--name-only", "--no-renames", "--relative", "HEAD"))
    changed = set(names("diff", "--name-only", "--no-renames", "--relative", old, "HEAD"))
    renamed = names("diff", "--name-status", "--find-renames", "--diff-filter=R", "--relative",
                     old, new)  # fmt: skip
    pairs = zip(renamed[1::3], renamed[2::3], strict=True)
    moved = [
        f"{one} is now {other}, with your changes"
        for one, other in pairs
        if one in changed and one not in codes and other not in codes and Path(other).exists()
    ]
    places = {name for one in laid.values() for name in one}
    own = [
        f"{name} got the template's changes to the file that it came from"
        for name in touched - theirs - places - {*codes, *laid}
    ]
    moved += [
        f"{one} is now {', '.join(mine)}, with your changes"
        for one, others in laid.items()
        if list(others) != [one] and (mine := [name for name, own in others.items() if own])
    ]
    decided = {*gone, *kept}
    return Outcome(sorted({*codes} - decided), sorted(kept), sorted(gone), sorted(moved + own))


def _unmerged() -> dict[str, str]:
    """Return which versions of a file Git could not merge: 1 the old one, 2 ours, 3 theirs."""
    found: dict[str, str] = {}
    for line in names("ls-files", "--unmerged"):
        modes, _, name = line.partition("\t")
        found[name] = found.get(name, "") + modes[-1]
    return found


def names(*words: str) -> list[str]:
    """Return the names of files that Git prints."""
    return [name for name in git(words[0], "-z", *words[1:]).split("\0") if name]


def report(outcome: Outcome) -> None:
    """Print what became of files; raise a TemplateError if something is left to decide."""
    lines = [*outcome.followed, *(f"{name} stays deleted" for name in outcome.left_out)]
    sys.stdout.writelines(f"  {line}\n" for line in lines)
    left = []
    if outcome.conflicts:
        left.append(
            f"both this project and the template changed the same lines of "
            f"{', '.join(outcome.conflicts)}; in each, resolve the part between <<<<<<< and "
            ">>>>>>>, and `git add` it"
        )
    if outcome.kept:
        left.append(
            f"the template removed {', '.join(outcome.kept)}, which this project has changed: `git "
            "add` the files to keep, `git rm` the others"
        )
    if left:
        raise TemplateError("\n".join([*left, "then run `make migrate`"]))
