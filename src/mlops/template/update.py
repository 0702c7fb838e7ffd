"""Bring the template's newest release, or TO=<release>, into this project.

What the project has changed stays, also where the template has moved or split the file. Where both
changed the same lines the file has both, marked; a file that was changed here and removed there
stays until somebody decides.

Reads: .copier-answers.yml, TO, TEMPLATE (in place of where the project came from)
Writes: the work tree, nothing committed
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from mlops.core.errors import TemplateError, run
from mlops.core.paths import ANSWERS
from mlops.core.urls import secret
from mlops.template import copier


def check_order(before: str, after: str) -> None:
    """Refuse an older release than the project has: its keys have other names."""
    numbers = [re.match(r"v?(\d+)\.(\d+)\.(\d+)(?:-(\d+)-g)?", name) for name in (before, after)]
    if numbers[0] and numbers[1]:
        old, new = (tuple(map(int, found.groups("0"))) for found in numbers if found)
        if new < old:
            raise TemplateError(
                f"this project is at the template's {before}, and {after} is older; choose a "
                "newer release (TO=v...), or go back with `git revert`"
            )


def render(folder: Path, source: str, release: str | None) -> str:
    """Render the template with this project's answers; return the release that was taken."""
    chosen = ["--vcs-ref", release] if release else []
    words = ["copy", "--quiet", "--defaults", "--data-file", str(ANSWERS), *chosen]
    copier.run(*words, source, str(folder))
    return copier.remembered("_commit", folder)


def main() -> None:
    """Render both releases, and let the new one merge: it knows what has moved."""
    if not ANSWERS.is_file():
        raise TemplateError(
            f"{ANSWERS} is missing, so the template of this project is unknown; "
            "`make init` turns a copy of the template into a project"
        )
    copier.clean()
    source = os.environ.get("TEMPLATE") or copier.remembered("_src_path")
    if secret(copier.remembered("_src_path")):
        raise TemplateError(
            f"{ANSWERS}: _src_path contains a credential, which everyone with this "
            "repository can read: revoke it, remove it there, commit, and use Git's credential "
            "helper for the template"
        )
    before = copier.remembered("_commit")
    with tempfile.TemporaryDirectory(prefix="update-") as folder:
        old, new = Path(folder) / "old", Path(folder) / "new"
        after = render(new, source, os.environ.get("TO"))
        if before == after:
            sys.stdout.write(f"this project is up to date with the template, {before}\n")
            return
        check_order(before, after)
        render(old, source, before)
        code = {**os.environ, "PYTHONPATH": str(new / "src")}
        merge = [
            sys.executable,
            "-BP",
            str(new / "src/mlops/template/merge.py"),
            str(old),
            str(new),
        ]
        done = subprocess.run(merge, env=code, check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    run(main)
