"""Show the model to somebody: train it if there is none, serve it, open its page in the browser.

Reads: ENV and EXP where they are named, PORT (else a free port), AGAINST (champion, challenger or a
    registered version, which the page asks as well), dvc.lock, and what `serve` reads
Writes: .runs/second/, and what `serve` writes
"""

import os
import signal
import subprocess
import sys
import time
import urllib.request
import webbrowser
from contextlib import suppress
from typing import Any

from mlops.config import schema
from mlops.core import dvc_lock
from mlops.core.errors import KnownError, ServingError, run
from mlops.pipeline import compose
from mlops.release import second, serve
from mlops.release.versions import bundle

TRIED = 50  # ports, from the usual one on
PATIENCE = 10  # seconds that a server has to end
NAMES = ("ENV", "EXP")


def main() -> None:
    """Train, serve until Ctrl+C."""
    asked = {name: value for name in NAMES if (value := os.environ.get(name))}
    port = serve.asked_port() if os.environ.get("PORT") else free_port()
    serve.check_free(port, "play")  # rather now than after the training
    if not is_there(asked):
        compose.asked()  # what it refuses is told once, and not by two commands
        train(asked)
    command = serve.command(port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    servers: list[subprocess.Popen[bytes]] = []
    try:
        if against := os.environ.get("AGAINST"):
            servers.append(start_second(against, port))
        servers.append(server := subprocess.Popen(command))
        if is_ready(server, f"http://{serve.ADDRESS}:{port}"):
            show(f"http://{serve.ADDRESS}:{port}")
        sys.exit(server.wait())
    except KeyboardInterrupt:
        sys.exit(0)  # as it was said to end
    finally:
        for one in servers:
            end(one)


def start_second(against: str, page: int) -> "subprocess.Popen[bytes]":
    """Start the service of a registered version, which the page on a port asks as well."""
    found = second.start(against, free_port(page + 1), page)
    os.environ["SERVING_SECOND"] = f"{found.url} {found.name}"
    is_ready(found.server, found.url)
    return found.server


def free_port(first: int = serve.DEFAULT) -> int:
    """Return a port, or the next one that is free."""
    for port in range(first, first + TRIED):
        with suppress(ServingError):
            serve.check_free(port)
            return port
    raise ServingError(
        f"expected a free port from {first} to {first + TRIED - 1}, found none; name one: PORT=8080"
    )


def is_there(asked: dict[str, str]) -> bool:
    """Tell whether there is a model of the environment and the experiment that were named."""
    try:
        bundle.check_export()
        params = schema.load()
    except KnownError:
        return False
    composed = {"ENV": params.environment, "EXP": params.experiment}
    return asked.items() <= composed.items() and _is_made_of(params.model_dump(mode="json"))


def _is_made_of(composed: dict[str, Any]) -> bool:
    """Tell whether dvc.lock describes the model, and all values that it was made of hold."""
    stages = dvc_lock.stages(dvc_lock.current()).values()
    used = [stage.get("params", {}).get(schema.PARAMS.name, {}) for stage in stages]
    known = {name: value for values in used for name, value in values.items()}
    return bool(known) and all(_value(composed, name) == known[name] for name in known)


def _value(part: Any, name: str) -> Any:
    """Return what stands at a dotted name; nothing where a later release has no such key."""
    for key in name.split("."):
        part = part.get(key) if isinstance(part, dict) else None
    return part


def train(asked: dict[str, str]) -> None:
    """Run `make train` for what was named."""
    words = [f"{name}={value}" for name, value in asked.items()]
    sys.stderr.write(f"there is no such model yet: {' '.join(['make train', *words])}\n")
    # What was not named is the default, not an empty name.
    kept = {name: value for name, value in os.environ.items() if name not in NAMES}
    code = subprocess.run(["make", "train", *words], env=kept, check=False).returncode
    if code:
        sys.exit(code)


def is_ready(server: "subprocess.Popen[bytes]", url: str) -> bool:
    """Wait until the service predicts; tell whether it does."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while server.poll() is None:
        with suppress(OSError), direct.open(f"{url}/readyz", timeout=PATIENCE):
            return True
        time.sleep(0.1)
    return False


def show(url: str) -> None:
    """Open a page in the browser of this desktop; without one, say where it is."""
    graphical = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    )
    with suppress(webbrowser.Error):
        if graphical and webbrowser.open(url):
            sys.stderr.write(f"opened {url} in the browser\n")
            return
    sys.stderr.write(f"open {url} in a browser; this shell cannot open one\n")


def end(server: "subprocess.Popen[bytes]") -> None:
    """End the server; Ctrl+C has reached it as well, and it may be on its way."""
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        server.wait(PATIENCE / 2)
    server.terminate()
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        server.wait(PATIENCE)
    server.kill()


if __name__ == "__main__":
    run(main)
