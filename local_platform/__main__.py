"""Start the servers of the project on this machine, end them, or name them for Docker.

Reads: requirements/platform.lock, PLATFORM_PORT (9000 unless set)
Writes: .platform/
"""

import os
import shutil
import sys
from pathlib import Path

from local_platform.servers import ENVIRONMENTS, PORTS, Platform, programs
from mlops.core.errors import PlatformError, run

FOLDER = Path(".platform")
LOCK = Path("requirements/platform.lock")
FIRST_PORT = 9000
COMPOSE = "-f deploy/compose.yaml up --detach --build --wait"


def ports() -> dict[str, int]:
    """Return the port of each server, one after the other."""
    text = os.environ.get("PLATFORM_PORT") or str(FIRST_PORT)
    if not text.isdigit() or not 1024 <= int(text) < 65_000:
        raise PlatformError(
            f"PLATFORM_PORT should be the first of {len(PORTS)} free ports, a number from 1024 to "
            f"64999, found {text!r}; unset it for {FIRST_PORT}"
        )
    return {name: int(text) + number for number, name in enumerate(PORTS)}


def main() -> None:
    """Bring all parts up, or with `down` end them; both may be repeated.

    With `env` nothing is started: the passwords and ports are written for deploy/compose.yaml.
    """
    FOLDER.mkdir(exist_ok=True)
    venv = FOLDER / "venv"
    if sys.argv[1:] == ["down"]:
        Platform(FOLDER, venv / "bin", ports()).down()
        sys.stdout.write("the platform is down; its data stay in .platform\n")
        return
    if sys.argv[1:] == ["env"]:
        Platform(FOLDER, venv / "bin", ports()).write_variables()
        sys.stdout.write(f"docker compose --env-file {FOLDER}/compose.env {COMPOSE}\n")
        return
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    platform = Platform(FOLDER, programs(venv, LOCK, uv), ports())
    platform.up()
    for name, address in platform.running().items():
        sys.stdout.write(f"  {name:12} {address}\n")
    for environment in ENVIRONMENTS:
        file = platform.variables_file(environment).relative_to(Path.cwd())
        sys.stdout.write(f"  set -a; . {file}; set +a; make train ENV={environment}\n")


if __name__ == "__main__":
    run(main)
