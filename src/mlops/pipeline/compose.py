"""Compose conf/ into one checked configuration.

Reads: conf/, the variables ENV, EXP, SET and REFRESH, the local files that the configuration names,
    sources.lock; MLFLOW_TRACKING_URI, whose server must answer
Writes: params.yaml; sources.lock for a new remote source and with REFRESH=1
"""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mlops.config import hub
from mlops.config.explain import complaint, explain
from mlops.config.keys import Key, dotted
from mlops.config.origin import Layer, Layers, around, layers
from mlops.config.overrides import chosen, split, values
from mlops.config.schema import PARAMS, Params
from mlops.config.yaml_file import mapping, nodes, read
from mlops.core.errors import ConfigError, run
from mlops.core.names import CONF, asked_experiment, check
from mlops.core.project import project
from mlops.core.urls import plain, secrets
from mlops.pipeline import replaced
from mlops.pipeline.snapshot import taken

log = logging.getLogger(__name__)
WAIT = "wait"  # the word by which `make train` starts it ahead of time
HEADER = """\
# Composed from conf/ by `python -m mlops.pipeline.compose`, which every run repeats.
# Do not edit: change conf/experiment, or run with SET="section.key=value".
"""


def compose(env: str = "dev", exp: str = "default", overrides: str = "") -> Params:
    """Return the configuration of an experiment in an environment; `overrides` is SET's text."""
    # Hydra takes half a second to load, which a run that finds nothing changed need not pay.
    from mlops.config.composition import composed  # noqa: PLC0415

    if not (CONF / "config.yaml").is_file():
        raise ConfigError(f"expected {CONF}/config.yaml, found none; run in the project's folder")
    words = split(overrides)
    groups = {"env": env, "experiment": exp} | chosen(words)
    for group, name in groups.items():
        place = {"env": "ENV", "experiment": "EXP"}[group] if group not in chosen(words) else "SET"
        check(group, name, place)
    composition = composed(groups, values(words))
    broken = dict(composition.broken)
    if "snapshot" in composition.values:
        broken["snapshot",] = "expected no such key, it is computed; remove it"
    return checked(composition.values, lambda: layers(composition.choices, values(words)), broken)


def asked() -> Params:
    """Return the configuration that ENV, EXP and SET ask for."""
    get = os.environ.get
    return compose(get("ENV") or "dev", asked_experiment() or "default", get("SET") or "")


def checked(found: dict[str, Any], origins: Callable[[], Layers], broken: dict[Key, str]) -> Params:
    """Validate composed values; all that is wrong is reported at once."""
    broken = broken | dict(secrets(found))
    try:
        params = project().params().model_validate(found)
        if not broken:
            return params
        wrong = {}
    except ValidationError as error:
        wrong = explain(error, project().params(), found, origins())
    places = origins()
    for key, text in broken.items():
        wrong[key] = f"{around(places, key).place}: {dotted(key)}: {text}"
    raise complaint(list(wrong.values()))


def adopted() -> Params:
    """Return the configuration that `dvc exp run` has composed into params.yaml."""
    if os.environ.get("SET"):
        raise ConfigError("SET: expected -S key=value in `dvc exp run`, found SET; unset it")
    try:
        return parse(PARAMS)
    except ConfigError as error:
        # DVC has written before anybody could look; what is refused must not stay there.
        PARAMS.write_text(plain(PARAMS.read_text("utf-8", "replace")), encoding="utf-8")
        raise ConfigError(f"{error}\n{PARAMS} comes from conf/ and -S: fix it there") from None


def parse(path: Path) -> Params:
    """Read and check a composed configuration; what is wrong is reported with its line."""
    return checked(mapping(path, read(path)), lambda: [Layer(path, nodes(path))], {})


def recorded(text: str) -> dict[str, Any]:
    """Return the values of an earlier params.yaml; nothing if it cannot be read."""
    try:
        return mapping(PARAMS, text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # 10 ms less
    except ConfigError:
        return {}


def committed() -> str:
    """Return params.yaml as Git has it: inside `dvc exp run` DVC has replaced the file."""
    command = ["git", "show", f"HEAD:./{PARAMS}"]
    try:
        found = subprocess.run(command, capture_output=True, check=False)
    except OSError:  # no git: nothing is known
        return ""
    return found.stdout.decode("utf-8", "replace")


def write(params: Params, path: Path = PARAMS) -> None:
    """Write the configuration whole or not at all; an unchanged file keeps its time."""
    body = yaml.safe_dump(params.model_dump(), sort_keys=False, allow_unicode=True, width=10_000)
    text = (HEADER + body).encode()
    if path.is_file() and path.read_bytes() == text:
        return
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(text)
    part.replace(path)


def called() -> bool:
    """Load what takes long while DVC does the same; then wait until it comes to this stage."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever waits has nothing to say
    from mlops.config import composition  # noqa: F401, PLC0415

    found = sys.stdin.readline()
    signal.signal(signal.SIGINT, before)
    return bool(found)


def main() -> None:
    """Compose, check, write."""
    if sys.argv[1:] == [WAIT] and not called():
        return
    if os.environ.get("DVC_EXP_NAME"):
        previous, params = recorded(committed()), adopted()
    else:
        previous = recorded(PARAMS.read_text("utf-8", "replace") if PARAMS.is_file() else "")
        params = asked()
    params = taken(params, previous, (os.environ.get("REFRESH") or "0") != "0")
    write(params)
    if not os.environ.get("DVC_EXP_NAME"):
        replaced.warn(previous, params.model_dump())
        if why := hub.missing(params.model.pretrained, params.model.revision):
            log.warning("warning: %s; %s", why, hub.CURE)
    if os.environ.get("MLFLOW_TRACKING_URI"):
        from mlops.tracking import server  # noqa: PLC0415  only who has a server pays for it

        # The first stage of every run: better known now than after the minutes before training.
        server.check(server.get_uri(params.environment))


if __name__ == "__main__":
    run(main)
