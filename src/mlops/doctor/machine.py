"""Python, Git, make, disk and memory."""

import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path

from mlops.doctor import outside
from mlops.doctor.finding import Finding, broken, note, ok

FIRST, AFTER = (3, 11), (3, 14)  # requires-python of pyproject.toml
GIGABYTE = 2**30
# Of disk: what the environment takes with its downloads, and what a first run leaves.
INSTALLATION, WITH_CUDA = 5.0, 12.0
WORK = 1.0


def python(version: tuple[int, int] = sys.version_info[:2], installed: bool = False) -> Finding:
    """Look at the Python that would make the environment."""
    found = f"{version[0]}.{version[1]} ({sys.executable})"
    if installed:
        return ok("Python", f"{found}; the installed environment has its own")
    if not FIRST <= version < AFTER:
        return broken(
            "Python",
            f"3.11 to 3.13 is needed to install the environment, found {found}",
            "name another one: make install PYTHON=python3.11",
        )
    if not (shutil.which("uv") or importlib.util.find_spec("ensurepip")):
        return broken(
            "Python",
            f"{found} cannot create environments: ensurepip and uv are missing",
            "install its package (apt install python3-venv), or uv",
        )
    return ok("Python", found)


def git() -> Finding:
    """Look at Git, the repository and who commits."""
    version = outside.program("git", "--version")
    if version is None:
        return broken("Git", "not on the PATH", "install git: DVC works in a Git repository")
    inside = outside.program("git", "rev-parse", "--show-toplevel")
    if inside is None or not inside.good:
        found = inside.text if inside else ""
        return broken(
            "Git", f"this folder is no repository: {found}", "git init, or clone it again"
        )
    if missing := [name for name in ("name", "email") if not _identity(name)]:
        return note(
            "Git",
            f"{version.text}; user.{' and user.'.join(missing)} not set: nothing can be committed",
            'git config --global user.name "..." && git config --global user.email "..."',
        )
    return ok("Git", version.text)


def _identity(name: str) -> bool:
    said = outside.program("git", "config", f"user.{name}")
    return bool(os.environ.get(f"GIT_AUTHOR_{name.upper()}") or (said and said.good and said.text))


def make() -> Finding:
    """Look at the version of make."""
    said = outside.program("make", "--version")
    version = re.search(r"GNU Make (\d+\.\d+)", said.text) if said else None
    if version is None or float(version[1]) < 4:
        found = f"GNU make {version[1]}" if version else "no GNU make on the PATH"
        return note(
            "make",
            f"{found}; before version 4, a recipe continues after a command that fails",
            "install GNU make 4 (macOS: brew install make, then gmake)",
        )
    return ok("make", version[0])


def installation(accelerator: str) -> float:
    """Return the GB that installing the environment takes, downloads included."""
    return WITH_CUDA if accelerator == "cuda" else INSTALLATION


def disk(needed: float, free: int | None = None) -> Finding:
    """Look at the free space of the project's disk; `needed` in GB, `free` in bytes."""
    free = shutil.disk_usage(Path.cwd()).free if free is None else free
    found = f"{free / GIGABYTE:.1f} GB free"
    if free < needed * GIGABYTE:
        return broken(
            "disk",
            f"{found}, {needed:g} GB are needed",
            "free some space; .dvc/cache and .mlflow hold earlier runs",
        )
    if free < (needed + 5) * GIGABYTE:
        return note(
            "disk", f"{found}: little for data and models", "free some space before long runs"
        )
    return ok("disk", found)


def memory(wanted: float, total: int | None = None) -> Finding:
    """Compare the memory with resources.memory_gb; `total` in bytes."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if total is None else total
    found = f"{total / GIGABYTE:.1f} GB, {os.cpu_count()} cores"
    if total < wanted * GIGABYTE:
        return note(
            "memory",
            f"{found}; resources.memory_gb asks for {wanted:g}",
            "use a larger machine, or a smaller training.batch_size and resources.memory_gb",
        )
    return ok("memory", found)
