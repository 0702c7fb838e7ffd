"""Prometheus and Alertmanager as programs of this machine, where their images cannot be had.

They outlive the command that starts them, but not the machine: `make watch` starts them again.
"""

import json
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psutil

from mlops.config.schema import Params
from mlops.core.errors import OperateError
from mlops.deployment.machine import TARGETS, Volume
from mlops.operate.monitoring.servers import ALERTMANAGER, PROMETHEUS, arguments, check_free, ports

FOLDER = Path(".runs/watch")
# Debian calls Alertmanager otherwise than its authors.
NAMES = {PROMETHEUS: ("prometheus",), ALERTMANAGER: ("prometheus-alertmanager", "alertmanager")}
GRACE = 30  # seconds to write down what it knows


@dataclass(frozen=True)
class Program:
    """One of them: its process is known by its id and its command line."""

    command: list[str]
    folder: Path
    name: str

    @property
    def log(self) -> Path:
        """Return what it says."""
        return self.folder / f"{self.name}.log"

    @property
    def _record(self) -> Path:
        return self.folder / f"{self.name}.pid"

    def find(self) -> psutil.Process | None:
        """Return its process; None where it has ended, or its id belongs to another program."""
        try:
            found = json.loads(self._record.read_text(encoding="utf-8"))
            process = psutil.Process(found["pid"])
            alive = process.status() != psutil.STATUS_ZOMBIE
            return process if alive and process.cmdline() == found["command"] else None
        except (FileNotFoundError, ValueError, psutil.Error):
            return None

    def is_wanted(self) -> bool:
        """Return whether it runs with these arguments."""
        process = self.find()
        return process is not None and process.cmdline() == self.command

    def start(self) -> None:
        """Start it, apart from this process and its terminal."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        # By its command line it is known; for a moment it has none.
        with suppress(psutil.Error):
            while process.poll() is None and not psutil.Process(process.pid).cmdline():
                time.sleep(0.001)
        record = {"pid": process.pid, "command": self.command}
        self._record.write_text(json.dumps(record), encoding="utf-8")

    def stop(self) -> None:
        """End it."""
        if process := self.find():
            process.terminate()
            try:
                process.wait(GRACE)
            except psutil.TimeoutExpired:
                process.kill()
        self._record.unlink(missing_ok=True)


class Programs:
    """Both servers, as processes."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self.folder = (FOLDER / params.environment).absolute()

    @property
    def targets(self) -> str:
        """Return the file that names the pods."""
        return str(Volume(f"{self._params.environment}-traffic").path / TARGETS)

    @property
    def hint(self) -> str:
        """Return how a person sees their logs."""
        return f"see {FOLDER / self._params.environment}/*.log"

    def __str__(self) -> str:
        """Return what a person calls them."""
        return f"programs of this machine, data in {FOLDER / self._params.environment}"

    @cached_property
    def _programs(self) -> list[Program]:
        return [
            Program([_find(name) or name, *given], self.folder, name)
            for name, given in arguments(self._params, str(self.folder)).items()
        ]

    def missing(self) -> str:
        """Return which program is not on the PATH."""
        return ", ".join(NAMES[name][-1] for name in NAMES if not _find(name))

    def running(self) -> bool:
        """Return whether one of both runs."""
        return any(one.find() for one in self._programs)

    def begin(self) -> bool:
        """Start what does not run as it is wanted; return False where both do."""
        waiting = [one for one in self._programs if not one.is_wanted()]
        for one in waiting:
            one.stop()
            check_free(ports(self._params)[one.name], self._params.environment)
        for one in waiting:
            one.start()
        return bool(waiting)

    def reload(self) -> None:
        """Send SIGHUP to both."""
        for one in self._programs:
            if process := one.find():
                process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """End both."""
        for one in self._programs:
            one.stop()

    def check(self) -> None:
        """Raise OperateError where one has ended."""
        for one in self._programs:
            if not one.find():
                said = one.log.read_text(encoding="utf-8", errors="replace").splitlines()
                raise OperateError(
                    f"{one.name} ended: {said[-1] if said else 'it said nothing'}; {self.hint}"
                )


def _find(name: str) -> str | None:
    return next((found for one in NAMES[name] if (found := shutil.which(one))), None)
