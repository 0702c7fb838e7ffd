"""The user's own door: a fresh clone, an environment of its own, and commands as they are typed.

Nothing here sets a variable that a user would not have set, and nothing is called in-process.
"""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

import warm
from clones import WHO, clone
from common import ROOT

# What pytest, its fixtures or the caller's shell have set, and a user's shell has not.
FOREIGN = (
    "AWS_", "CI", "CUDA_", "DVC_", "ENV", "EXP", "GITHUB_", "GITLAB_", "HF_", "MAKE", "MLFLOW_",
    "OMP_", "PYDANTIC_", "PYTEST_", "PYTHON", "REFRESH", "SET", "SHARE", "VIRTUAL_ENV",
)  # fmt: skip
# Seconds after which a command is said to hang: many times what the slowest of this suite takes.
PATIENCE = 180


@dataclass(frozen=True)
class Answer:
    """What a command gave: its exit code and all that it printed, in the order of printing."""

    code: int
    output: str


@dataclass(frozen=True)
class Project:
    """A clone with an environment of its own."""

    folder: Path

    def run(self, *command: str, timeout: float = PATIENCE, **variables: str) -> Answer:
        """Run a command as a user types it in the activated environment; a hang is an error."""
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self.environment(), **variables},
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            raise AssertionError(f"{command} hangs; so far: {output[-3000:]}") from None
        return Answer(process.returncode, output)

    def shell(self, line: str, timeout: float = PATIENCE, **variables: str) -> Answer:
        """Run a line of shell, for what depends on its quoting."""
        return self.run("bash", "-c", line, timeout=timeout, **variables)

    def environment(self) -> dict[str, str]:
        """Return the variables of a user who has activated this project's environment."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        paths = [path for path in own["PATH"].split(":") if path != str(ROOT / ".venv" / "bin")]
        venv = self.folder / ".venv"
        return {
            **own,
            **WHO,
            "PATH": ":".join([str(venv / "bin"), *paths]),
            "VIRTUAL_ENV": str(venv),
        }

    def experiment(self, name: str, **sections: object) -> None:
        """Write conf/experiment/<name>.yaml: an experiment on small data of one's own."""
        values = {
            "evaluate": {"behaviour": [], "slice_columns": []},
            "prepare": {"sample": 1.0, "min_rows": 1, "min_class_share": 0.0},
            **sections,
        }
        path = self.folder / "conf" / "experiment" / f"{name}.yaml"
        path.write_text(f"# @package _global_\n{yaml.safe_dump(values, allow_unicode=True)}")


def project(folder: Path) -> Project:
    """Clone what is committed and give it an environment, as `make install` would."""
    install(clone(folder))
    return Project(folder)


def warmed(folder: Path) -> Project:
    """Do so, with a Python that has its libraries loaded."""
    home = project(folder)
    warm.replace(folder / ".venv", ROOT / ".venv", folder / "src")
    return home


def install(folder: Path) -> None:
    """Make an environment of the packages of these tests, with the folder's own code in it."""
    venv, lender = folder / ".venv", ROOT / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    packages = Path("lib") / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    # The project's own line stands first, as that of an editable install does.
    lines = f"{folder / 'src'}\n{lender / packages}\n"
    (venv / packages / "installed.pth").write_text(lines)
    for program in sorted((lender / "bin").iterdir()):
        mine = venv / "bin" / program.name
        if program.is_file() and not mine.exists():
            lent(program, mine, str(lender), str(venv))
    for mark in lender.glob("installed-*"):
        shutil.copyfile(mark, venv / mark.name)  # newer than the locks, so make installs nothing
    if (lender / "ci").exists():
        (venv / "ci").symlink_to(lender / "ci")


def lent(program: Path, mine: Path, lender: str, venv: str) -> None:
    """Take over a program; one that names its interpreter gets that of the project."""
    content = program.read_bytes()
    if content.startswith(b"#!"):
        text = content.replace(lender.encode(), venv.encode(), 1).decode()
        if " " in venv:  # as installers write it: a first line may hold no blank
            first, _, rest = text.removeprefix("#!").partition("\n")
            text = f"#!/bin/sh\n'''exec' '{first}' \"$0\" \"$@\"\n' '''\n{rest}"
        mine.write_text(text)
        mine.chmod(0o755)
    else:
        mine.symlink_to(program)
