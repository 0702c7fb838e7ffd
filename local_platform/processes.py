"""Start a process, find it again, end it with all that it started.

Writes: <folder>/run/<name>.json, <folder>/run/<name>.log
"""

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

from local_platform.part import SECONDS, Part
from mlops.core.errors import PlatformError

NEAR = 5  # seconds in which the start of a process may be told differently, as the clock is set


def start(folder: Path, part: Part) -> None:
    """Start a part, unless it runs."""
    if find(folder, part.name):
        return
    end(folder, part.name, signal.SIGKILL)  # workers that outlived it hold its port
    if listening(part.port):
        raise PlatformError(
            f"port {part.port} should be free for {part.name}, but something else answers there; "
            "end it, or take other ports: PLATFORM_PORT=<first of 20>"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{part.name}.log").open("ab") as log:
        process = subprocess.Popen(
            part.command,
            env={**os.environ, **part.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    record = {"pid": process.pid, "created": psutil.Process(process.pid).create_time()}
    (folder / f"{part.name}.json").write_text(json.dumps(record), encoding="utf-8")


def wait(folder: Path, part: Part) -> None:
    """Wait until a part answers at its port; tell why it does not."""
    deadline = time.monotonic() + SECONDS
    while not listening(part.port):
        if not find(folder, part.name) or time.monotonic() > deadline:
            log = folder / f"{part.name}.log"
            last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise PlatformError(
                f"{part.name} should answer at 127.0.0.1:{part.port}, but does not "
                f"({'; '.join(last)}); {log} tells more"
            )
        time.sleep(0.05)


def find(folder: Path, name: str) -> psutil.Process | None:
    """Return the running process of a part; another one that got its number is none."""
    return next((one for one in family(folder, name) if one.pid == _record(folder, name)[0]), None)


def family(folder: Path, name: str) -> list[psutil.Process]:
    """Return the process of a part and all that it started, which may have outlived it.

    They are told by their session, which `start` made for them.
    """
    session, created = _record(folder, name)
    if created < psutil.boot_time() - NEAR:
        return []  # the machine was started since then
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) != session:
                continue
            if process.pid == session and abs(process.create_time() - created) > NEAR:
                return []  # the number is another's now, and so is the session's
            if process.status() == psutil.STATUS_ZOMBIE:
                with suppress(psutil.TimeoutExpired):
                    process.wait(0)  # where it is a child of this process: take note of its end
            else:
                found.append(process)
    return found


def end(folder: Path, name: str, how: int = signal.SIGTERM) -> None:
    """End a part and what it started, and wait until they are gone.

    Told by SIGTERM or SIGINT, its first process ends the others; what stays after 20 s is killed.
    """
    members = family(folder, name)
    first = [one for one in members if one.pid == _record(folder, name)[0]]
    for member in first if first and how != signal.SIGKILL else members:
        with suppress(psutil.NoSuchProcess):
            member.send_signal(how)
    _, left = psutil.wait_procs(members, timeout=20)
    for member in left:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    psutil.wait_procs(left, timeout=20)


def _record(folder: Path, name: str) -> tuple[int, float]:
    try:
        found = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        return found["pid"], found["created"]
    except (OSError, ValueError):
        return -1, 0.0


def listening(port: int) -> bool:
    """Tell whether something answers at a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
