"""Check this machine, and say what to do about each finding.

Needs nothing that is installed: a broken environment is what it may have to find. It asks over the
network only servers that variables, credentials or the chosen experiment name.

Reads: the machine, .venv, .dvc, ACCELERATOR, ENV, EXP, SET, PORT and the variables of the servers
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mlops.core import terminal
from mlops.core.errors import ConfigError, run
from mlops.doctor import deployment, edited, environment, gpu, leftovers, machine, ports, servers
from mlops.doctor.finding import BROKEN, Finding


def findings() -> Iterator[Finding]:
    """Look at one thing after the other; what others wait for is asked side by side."""
    accelerator = os.environ.get("ACCELERATOR") or "cpu"
    name = os.environ.get("ENV") or "dev"
    installed = environment.installed()
    yield machine.python(installed=installed)
    yield machine.git()
    yield machine.make()
    yield machine.disk(machine.WORK if installed else machine.installation(accelerator))
    yield from edited.edited()
    found, usable = environment.environment(accelerator)
    yield found
    params: dict[str, Any] = {}
    if usable:
        found, params = environment.configuration()
        yield found
    resources = params.get("resources", {})
    yield machine.memory(resources.get("memory_gb", 0))
    looks: list[Callable[[], Iterable[Finding]]] = [
        lambda: [gpu.gpu(accelerator, resources, usable)],
        lambda: [leftovers.leftovers()],
        lambda: list(ports.ports()),
        lambda: [servers.storage(usable)],
        lambda: [servers.tracking(name)],
    ]
    if params:
        looks.append(lambda: [servers.hub(params["model"])])
        looks.append(lambda: list(deployment.deployment(params["deploy"])))
    with ThreadPoolExecutor(len(looks)) as pool:
        for found in pool.map(lambda look: look(), looks):
            yield from found


def main() -> None:
    """Print what was found as it is found; fail if the default work cannot go on."""
    wrong = []
    for found in findings():
        sys.stdout.write(terminal.mark(found.lines()))
        sys.stdout.flush()
        if found.state == BROKEN:
            wrong.append(found.subject)
    if wrong:
        raise ConfigError(
            f"{len(wrong)} {'check' if len(wrong) == 1 else 'checks'} failed ({', '.join(wrong)}). "
            "Follow the arrow below each NO."
        )


if __name__ == "__main__":
    run(main)
