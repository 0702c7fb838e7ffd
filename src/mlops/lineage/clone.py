"""A clean work tree of one commit in a temporary folder, with an environment of its own.

Reads: the objects of the Git repository, .dvc/
Writes: the temporary folder alone
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlops.core.errors import LineageError
from mlops.lineage import process

# What would lead a rebuild back to this work tree, to somebody's store, or to other values.
FOREIGN = ("ENV", "EXP", "SET", "SHARE", "REFRESH", "RUN", "VERSION", "BENTO", "KEEP", "MAKEFLAGS",
           "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "PYTHONPATH", "VIRTUAL_ENV", "BENTOML_HOME",
           "PYTHONDONTWRITEBYTECODE", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")  # fmt: skip
FOREIGN_PREFIXES = ("DVC_", "MLFLOW_")


class Clone:
    """A separate work tree, and the variables that keep what runs in it there."""

    def __init__(self, home: Path) -> None:
        self.home = home  # the repository
        self.folder = home / _git(Path(), "rev-parse", "--show-prefix")  # the project in it
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in FOREIGN and not name.startswith(FOREIGN_PREFIXES)
        }
        self.variables = {
            **kept,
            "PATH": f"{self.folder / '.venv' / 'bin'}{os.pathsep}{kept.get('PATH', '')}",
            "PYDANTIC_DISABLE_PLUGINS": "__all__",  # as the Makefile
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DVC_NO_ANALYTICS": "true",
            "DVC_SITE_CACHE_DIR": str(home.parent / "site"),
            "TMPDIR": str(home.parent / "tmp"),  # uv leaves locks there
            # compose adopts the params.yaml that lies there, as in `dvc exp run`.
            "DVC_EXP_NAME": "reproduce",
        }

    def checkout(self, commit: str) -> None:
        """Bring the files of a commit here, from the objects of this repository."""
        objects = Path(_git(Path(), "rev-parse", "--path-format=absolute", "--git-path", "objects"))
        self.home.mkdir()
        Path(self.variables["TMPDIR"]).mkdir()
        # No `git worktree`, which would leave an entry behind when it is killed, and no clone,
        # which would not find a commit that no branch holds any more.
        _git(self.home, "init", "--quiet", "--template=")
        alternates = self.home / ".git" / "objects" / "info" / "alternates"
        alternates.parent.mkdir(exist_ok=True)
        alternates.write_text(f"{objects}\n", encoding="utf-8")
        shallow = objects.parent / "shallow"
        if shallow.exists():
            shutil.copy(shallow, self.home / ".git")
        try:
            _git(self.home, "-c", "core.hooksPath=/dev/null", "checkout", "--quiet", commit)
        except LineageError as error:
            raise LineageError(
                f"commit {commit} is not in this repository ({error}); fetch the "
                "branch that holds it (`git fetch --all`) and try again"
            ) from None
        cache = f"[cache]\n    dir = {self.folder / '.dvc' / 'cache'}\n    type = copy\n"
        (self.folder / ".dvc" / "config.local").write_text(cache, encoding="utf-8")

    def apply(self, patch: bytes) -> None:
        """Change the files as they were changed when the run was made."""
        path = self.home.parent / "code.diff"
        path.write_bytes(patch)
        _git(self.home, "apply", "--binary", "--whitespace=nowarn", str(path))

    def install(self, accelerator: str, python: str) -> None:
        """Install the packages that the commit's own locks name."""
        environment = self.folder / ".venv"
        if environment.is_symlink():  # somebody committed a link, and would lose what it leads to
            environment.unlink()
        command = ["make", "install", f"ACCELERATOR={accelerator}", f"PYTHON={_python(python)}"]
        if self.run(*command):
            raise LineageError(
                "`make install` of the commit's locked packages failed (see above); they may no "
                "longer be in the index, or need another Python"
            )

    def run(self, *command: str) -> int:
        """Run a program here; return its exit code."""
        return process.run(command, self.folder, self.variables)

    def dvc(self, *arguments: str) -> int:
        """Run DVC's own Python here, not the one of the work tree."""
        return self.run(str(self.folder / ".venv" / "bin" / "dvc"), *arguments)


@contextmanager
def workspace(keep: bool) -> Iterator[Clone]:
    """Make the folder; it is removed however the block ends, unless it is to be kept."""
    process.end_by_exit()
    folder = Path(tempfile.mkdtemp(prefix="reproduce-")).resolve()
    try:
        yield Clone(folder / "project")
    finally:
        if keep:
            sys.stderr.write(f"kept: {folder / 'project'}\n")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _python(version: str) -> str:
    """Return the Python of this version, where there is one, else the one that runs here."""
    minor = ".".join(version.split(".")[:2])
    here = getattr(sys, "_base_executable", sys.executable)
    return here if platform_minor() == minor else shutil.which(f"python{minor}") or here


def platform_minor() -> str:
    """Return the version of this Python without its last number."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _git(folder: Path, *arguments: str) -> str:
    plain: Mapping[str, str] = os.environ
    if folder != Path():
        plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=plain, text=True, capture_output=True, check=False
    )
    if done.returncode:
        lines = (done.stderr or "git failed").strip().splitlines()
        raise LineageError(lines[-1].removeprefix("fatal: "))
    return done.stdout.strip()
