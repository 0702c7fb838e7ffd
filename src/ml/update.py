"""Bring the template's newest release, or TO=<release>, into this project.

What the project has changed stays. Where both changed the same lines the file has both, marked.

Reads: .copier-answers.yml, TO
Writes: the work tree, nothing committed
"""

import os
import sys

from ml.errors import TemplateError, run
from ml.templating import copier


def conflicts() -> list[str]:
    """Return the files in which both sides changed the same lines."""
    return sorted(filter(None, copier.git("diff", "--name-only", "--diff-filter=U").splitlines()))


def main() -> None:
    """Update, then tell what is left to do by hand."""
    if not copier.ANSWERS.is_file():
        raise TemplateError(
            f"{copier.ANSWERS} should tell of which template this was made, but is not here; "
            "`make init` turns a copy of the template into a project"
        )
    copier.clean()
    before = copier.remembered("_commit")
    release = ["--vcs-ref", to] if (to := os.environ.get("TO")) else []
    copier.run("update", "--quiet", "--defaults", "--conflict", "inline", *release)
    after = copier.remembered("_commit")
    if before == after:
        sys.stdout.write(f"this project has what the template has, {before}\n")
        return
    sys.stdout.write(f"from the template's {before} to {after}; see: git status, git diff\n")
    if found := conflicts():
        raise TemplateError(
            f"both this project and the template changed the same lines of {', '.join(found)}; in "
            "each keep what should stay between <<<<<<< and >>>>>>>, `git add` it, `make migrate`"
        )


if __name__ == "__main__":
    run(main)
