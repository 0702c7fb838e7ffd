"""Make a new project of this template, in a folder of its own.

Reads: the repository; DEST (../NAME unless set), TEMPLATE (where updates will come from), and the
    answers NAME, DESCRIPTION, OWNER, PLATFORM, BUCKET, REGISTRY, TARGET; without any they are asked
Writes: DEST, a Git repository with one commit
"""

import os
import sys
from pathlib import Path

from mlops.core.errors import TemplateError, run
from mlops.template import copier


def source() -> str:
    """Return where updates will come from: TEMPLATE, where this was cloned from, or itself."""
    try:
        origin = copier.git("remote", "get-url", "origin")
    except TemplateError:
        origin = str(Path.cwd())
    return os.environ.get("TEMPLATE") or origin


def target() -> Path:
    """Return the folder of the new project, which is empty or not there yet."""
    name = copier.answered().get("name", "")
    place = os.environ.get("DEST") or (f"../{name}" if name else "")
    if not place:
        raise TemplateError("DEST is missing. Example: make new NAME=my-project DEST=../my-project")
    folder = Path(place).expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TemplateError(f"{folder} is not empty; choose another DEST")
    return folder


def committed(folder: Path) -> bool:
    """Make it a Git repository with one commit, which DVC and the record of each run need."""
    copier.git("init", "--quiet", "--initial-branch", "main", folder=folder)
    copier.git("add", "--all", folder=folder)
    version = copier.remembered("_commit", folder)
    try:
        copier.git("commit", "--quiet", "--message", f"New project, of the template's {version}",
                   folder=folder)  # fmt: skip
    except TemplateError as error:  # nobody has told Git who they are
        sys.stdout.write(f"not committed: {error}\n")
        return False
    return True


def main() -> None:
    """Copy, commit, and say what to do next."""
    folder = target()
    copier.copy(folder, copier.interactive())
    copier.remember("_src_path", source(), folder)
    first = "" if committed(folder) else 'git commit --all --message "New project" && '
    sys.stdout.write(f"{folder} is a new project. Next: cd {folder} && {first}make train\n")


if __name__ == "__main__":
    run(main)
