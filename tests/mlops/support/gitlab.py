"""Pipelines of GitLab, executed by gitlab-ci-local with the shell of this machine."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import yaml

import clones
from common import ROOT

VERSION = "4.56.2"  # the newest that Node 20 runs
FOLDER = ROOT / ".venv" / "gitlab-ci-local"
# Nothing of the machine that runs the tests may decide what a job does.
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "UV_FIND_LINKS")


def missing() -> list[str]:
    """Return the programs that it needs and that are not here."""
    return [name for name in ("npm", "rsync") if shutil.which(name) is None]


def installed() -> Path:
    """Install it, unless it is there; return the program."""
    program = FOLDER / "node_modules" / ".bin" / "gitlab-ci-local"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the suites run side by side
        if not program.exists():
            name = f"gitlab-ci-local@{VERSION}"
            command = ["npm", "install", "--silent", "--no-audit", "--prefix", str(FOLDER), name]
            # One of its modules is compiled where its makers' server is out of reach.
            subprocess.run(command, env={**os.environ, "JOBS": "max"}, check=True)
    return program


def variables(project: Path, by_environment: dict[str, dict[str, str]]) -> None:
    """Give a project variables as GitLab does: each environment's jobs see their own alone."""
    names = {name for values in by_environment.values() for name in values}
    told = {
        name: {
            "values": {
                env: values[name] for env, values in by_environment.items() if name in values
            }
        }
        for name in sorted(names)
    }
    (project / ".gitlab-ci-local-variables.yml").write_text(yaml.safe_dump(told))


def run(project: Path, *words: str, **own: str) -> tuple[int, str]:
    """Run the pipeline of what is checked out, or the jobs that are named; return code and output.

    `own` are variables of GitLab's, such as CI_PIPELINE_SOURCE.
    """
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    kept |= {**clones.WHO, "PYTHONPATH": str(project / "src")}
    kept["PATH"] = f"{ROOT / '.venv' / 'bin'}:{kept['PATH']}"
    told = [word for name, value in own.items() for word in ("--variable", f"{name}={value}")]
    done = subprocess.run(
        [str(installed()), *told, *words],
        cwd=project,
        env=kept,
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.returncode, done.stdout
