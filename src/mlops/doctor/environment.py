"""The installed environment, and what only it knows.

Reads: .venv, requirements/
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from mlops.doctor import outside
from mlops.doctor.finding import Finding, broken, note, ok

VENV = Path(".venv")
SECONDS = 30  # the first start after an installation compiles


def installed() -> bool:
    """Tell whether `make install` has come to its end."""
    return bool(list(VENV.glob("installed-*")))


def elsewhere() -> str | None:
    """Return the folder that the environment was made in, if that is another one."""
    program = VENV / "bin" / "dvc"
    if not program.is_file():
        return None
    head = program.read_bytes()[:1000].decode("utf-8", "replace")
    if any(
        f"{folder}/" in head for folder in (Path.cwd() / VENV / "bin", (VENV / "bin").resolve())
    ):
        return None
    made = re.search(r'(/[^"\n]*)/\.venv/bin/python', head)
    return made[1] if made else "another folder"


def environment(accelerator: str) -> tuple[Finding, bool]:
    """Look at the environment; return whether it can be asked, too."""
    if not installed():
        return note(
            "environment", "not installed", "the first command does it, or make install"
        ), False
    if made := elsewhere():
        found = f"belongs to {made}: this folder was copied or moved"
        return broken("environment", found, "rm -rf .venv && make install"), False
    said = ask("packages")
    if not said.good:
        return broken(
            "environment", f"does not work: {said.text}", "rm -r .venv && make install"
        ), False
    mark = VENV / f"installed-{accelerator}"
    if not mark.exists():
        other = next(VENV.glob("installed-*")).name.removeprefix("installed-")
        found = f"installed for ACCELERATOR={other}, not {accelerator}"
        return note("environment", found, f"make install ACCELERATOR={accelerator}"), True
    locks = [Path("requirements") / f"{name}.lock" for name in ("common", f"torch-{accelerator}")]
    wanted = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()
    if mark.read_text(encoding="utf-8").strip() != wanted:
        found = "older than requirements/*.lock"
        return note("environment", found, "the next command renews it, or make install"), True
    return ok("environment", f"{accelerator}, as requirements/*.lock say; {said.text}"), True


def configuration() -> tuple[Finding, dict[str, Any]]:
    """Compose what ENV, EXP and SET ask for; of a mistake nothing but its finding is returned."""
    said = ask("configuration")
    if not said.good:
        return broken("configuration", said.text.removeprefix("error: "), "make validate"), {}
    params: dict[str, Any] = json.loads(said.text)
    return ok("configuration", f"{params['model']['name']} in {params['environment']}"), params


def ask(probe: str, seconds: float = SECONDS) -> outside.Answer:
    """Run a probe in the environment."""
    words = (str(VENV / "bin" / "python"), "-m", "mlops.doctor.probes", probe)
    return outside.program(*words, seconds=seconds) or outside.Answer(False, f"{words[0]} is gone")


def version(package: str) -> str | None:
    """Return the version of an installed package, without importing anything."""
    found = VENV.glob(f"lib/python*/site-packages/{package}-*.dist-info")
    return next((path.name.removesuffix(".dist-info").split("-")[1] for path in found), None)
