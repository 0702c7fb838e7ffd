"""Turn a copy of the template, such as GitHub's "Use this template" makes, into a project.

It ends where `copier copy` ends: the answers are in their places, what belongs to the template
alone is gone, and `make update` knows from which commit of the template to go on.

Reads: the repository; the answers NAME, DESCRIPTION, OWNER, PLATFORM, BUCKET, REGISTRY,
    TARGET, asked without any; TEMPLATE, where updates come from
Writes: the work tree, nothing committed
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from mlops.core.errors import run
from mlops.core.urls import plain
from mlops.template import copier


def origin(template: str) -> str:
    """Return the template's commit that this copy was made of: the one with the same files.

    GitHub makes the copy without history. Where the template cannot be reached it is the release
    whose number pyproject.toml has.
    """
    trees = set(copier.git("log", "--format=%T", "HEAD").split())
    with tempfile.TemporaryDirectory(prefix="template-") as folder:
        cloned = subprocess.run(
            ["git", "clone", "--quiet", "--bare", "--filter=blob:none", template, folder],
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"}, capture_output=True, check=False,
        )  # fmt: skip
        if cloned.returncode == 0:
            history = copier.git("log", "--all", "--format=%H %T", folder=Path(folder))
            for line in history.splitlines():
                commit, _, tree = line.partition(" ")
                if tree in trees:
                    return copier.git("describe", "--tags", "--always", commit, folder=Path(folder))
    version = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"][
        "version"
    ]
    text = f"no commit of {template} has these files: updates will start at v{version}\n"
    sys.stdout.write(plain(text))
    return f"v{version}"


def adopt(made: Path) -> None:
    """Make the work tree what the project is: files that it lacks go, all others come.

    Somebody may have worked in the copy already: each file that is removed or rewritten is printed.
    """
    for name in filter(None, copier.git("ls-files", "-z").split("\0")):
        if not (made / name).exists() or Path(name).is_symlink():  # a link is not written over
            Path(name).unlink()
    shutil.copytree(made, Path(), symlinks=True, dirs_exist_ok=True)
    for code, done in (("D", "removed"), ("M", "rewritten")):
        names = copier.git("diff", "--name-only", f"--diff-filter={code}").splitlines()
        if names:
            sys.stdout.write(f"{done}: {', '.join(names)}\n")


def main() -> None:
    """Render beside, then adopt."""
    copier.clean()
    template = os.environ.get("TEMPLATE") or copier.HOME
    with tempfile.TemporaryDirectory(prefix="project-") as folder:
        made = Path(folder) / "made"
        copier.copy(made, copier.interactive())
        copier.remember("_src_path", template, made)
        copier.remember("_commit", origin(template), made)
        adopt(made)
    sys.stdout.write(
        "to see their contents: git diff\n"
        "this is your project now. Next: git add --all && git commit && make train\n"
    )


if __name__ == "__main__":
    run(main)
