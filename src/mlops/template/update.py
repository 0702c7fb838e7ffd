"""Bring the template's newest release, or TO=<release>, into this project.

What the project has changed stays, also where the template has renamed the file. Where both
changed the same lines the file has both, marked; a file that was changed here and removed there
stays until somebody decides.

Reads: .copier-answers.yml, TO
Writes: the work tree, nothing committed
"""

import os
import re
import sys
import tempfile
from pathlib import Path

from mlops.core.errors import TemplateError, run
from mlops.core.paths import ANSWERS
from mlops.core.urls import secret
from mlops.template import copier
from mlops.template.merge import Outcome, merge, render


def check_order(before: str, after: str) -> None:
    """Refuse an older release than the project has: its keys have other names."""
    numbers = [re.match(r"v?(\d+)\.(\d+)\.(\d+)(?:-(\d+)-g)?", name) for name in (before, after)]
    if numbers[0] and numbers[1]:
        old, new = (tuple(map(int, found.groups("0"))) for found in numbers if found)
        if new < old:
            raise TemplateError(
                f"this project has the template's {before}, and {after} is older; name a newer "
                "release (TO=v...), or go back with `git revert`"
            )


def tell(outcome: Outcome) -> None:
    """Print what became of files; raise a TemplateError if something is left to decide."""
    lines = [*outcome.followed, *(f"{name} stays deleted" for name in outcome.left_out)]
    sys.stdout.writelines(f"  {line}\n" for line in lines)
    left = []
    if outcome.conflicts:
        left.append(
            f"both this project and the template changed the same lines of "
            f"{', '.join(outcome.conflicts)}; in each keep what should stay between <<<<<<< and "
            ">>>>>>>, and `git add` it"
        )
    if outcome.kept:
        left.append(
            f"the template has removed {', '.join(outcome.kept)}, which this project has changed: "
            "`git add` what should stay, `git rm` what should go"
        )
    if left:
        raise TemplateError("\n".join([*left, "then run `make migrate`"]))


def main() -> None:
    """Update, then tell what is left to do by hand."""
    if not ANSWERS.is_file():
        raise TemplateError(
            f"{ANSWERS} should tell of which template this was made, but is not here; "
            "`make init` turns a copy of the template into a project"
        )
    copier.clean()
    if secret(copier.remembered("_src_path")):
        raise TemplateError(
            f"{ANSWERS}: _src_path holds a credential, which everybody can read who has "
            "this repository: revoke it, remove it there, commit, and let Git's credential helper "
            "know the template"
        )
    before = copier.remembered("_commit")
    with tempfile.TemporaryDirectory(prefix="update-") as folder:
        old, new = Path(folder) / "old", Path(folder) / "new"
        to = os.environ.get("TO")
        after = render(new, *(["--vcs-ref", to] if to else []))
        if before == after:
            sys.stdout.write(f"this project has what the template has, {before}\n")
            return
        check_order(before, after)
        render(old, "--vcs-ref", before)
        outcome = merge(old, new, after)
    sys.stdout.write(f"from the template's {before} to {after}; see: git status, git diff\n")
    tell(outcome)


if __name__ == "__main__":
    run(main)
