"""A second service for the page: a registered version next to the model of the work tree.

Reads: params.yaml, the registry of its environment
Writes: .runs/second/
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mlops.config import schema
from mlops.config.schema import Params
from mlops.core.errors import DeployError
from mlops.release import serve
from mlops.release.versions import selection, version_files
from mlops.release.versions.registry import CHALLENGER, CHAMPION, Registry, Version

FOLDER = Path(".runs/second")
OPTIONS = "BENTOML_CONFIG_OPTIONS"


@dataclass(frozen=True)
class Second:
    """A service that runs: where, and what it is called on the page."""

    server: "subprocess.Popen[bytes]"
    url: str
    name: str


def start(asked: str, port: int, page: int) -> Second:
    """Serve a version on a port, for the page of the service on another port of this machine."""
    params = schema.load()
    registry = Registry(params)
    version = find(registry, params, asked)
    shutil.rmtree(FOLDER, ignore_errors=True)
    folder = version_files.fetch(registry, version, FOLDER, "bento")
    variables = {
        **os.environ,
        **serve.variables(port),
        "SERVING_FOLDER": str(folder.resolve()),
        OPTIONS: f"{os.environ.get(OPTIONS, '')} {allow(page)}".strip(),
    }
    server = subprocess.Popen(serve.words(port), env=variables)
    alias = f"{asked}, " if asked in (CHAMPION, CHALLENGER) else ""
    return Second(server, f"http://{serve.ADDRESS}:{port}", f"{alias}version {version.number}")


def allow(page: int) -> str:
    """Return the options of BentoML by which the page on a port of this machine may ask."""
    origins = ",".join(f'"http://{host}:{page}"' for host in (serve.ADDRESS, "localhost"))
    allowed = {"origins": f"[{origins}]", "methods": '["POST"]', "headers": '["content-type"]'}
    cors = f"services.{serve.NAME}.http.cors"
    words = (f"{cors}.access_control_allow_{name}={value}" for name, value in allowed.items())
    return " ".join((f"{cors}.enabled=true", *words))


def find(registry: Registry, params: Params, asked: str) -> Version:
    """Return the version that AGAINST names: an alias or a number."""
    if asked not in (CHAMPION, CHALLENGER):
        return selection.select(registry, params, asked)
    if version := registry.alias(asked):
        return version
    raise DeployError(
        f"{registry.name} has no {asked} in {params.environment}; name a version by its "
        "number, or leave AGAINST out"
    )
