"""Build the Bento of a registered version, under a tag made from its content.

Reads: ENV, VERSION (else the challenger, else the champion), conf/, the environment's registry; of
    the work tree bentofile.yaml, requirements/serving.lock (or serving-cuda.lock, by
    serving.device) and the code that serves, which must be those that the version was
    registered with
Writes: the Bento in BENTOML_HOME (~/bentoml)
"""

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import bentoml
import yaml
from bentoml.exceptions import BentoMLException, NotFound

from mlops.core.errors import ServingError, run
from mlops.pipeline.compose import asked
from mlops.release.versions import bundle, selection, version_files
from mlops.release.versions.registry import Registry, Version

log = logging.getLogger(__name__)
BENTOFILE = "bentofile.yaml"
# BentoML copies the work tree to look through it: what it would leave out need not be there.
_CLUTTER = shutil.ignore_patterns("__pycache__", "*.egg-info")


def main() -> None:
    """Build the Bento of the version that VERSION names."""
    params = asked()
    registry = Registry(params)
    version = selection.select(registry, params, os.environ.get("VERSION"))
    log.info("packaging %s", version)
    tag, is_new = build_version(version, registry)
    done = "is built" if is_new else "is there already: nothing in it has changed"
    sys.stdout.write(
        f"{tag} of {version} {done}\n"
        f"  serve it    bentoml serve {tag}\n"
        f"  image       bentoml containerize {tag} (docs/serving.md)\n"
        f"  take it     bentoml export {tag} $PWD/{tag.partition(':')[0]}.bento\n"
    )


def build_version(version: Version, registry: Registry) -> tuple[str, bool]:
    """Return the tag of a version's Bento, and whether it had to be built."""
    with tempfile.TemporaryDirectory(prefix="package-") as folder:
        laid_out = version_files.fetch(registry, version, Path(folder), "bento")
        _, here = bundle.read(laid_out)
        wanted = version.tags.get("bento", "none")
        if here != wanted:
            raise ServingError(
                f"{version} was registered with other code or packages: those here make {here}, "
                f"expected {wanted}; check out its commit "
                f"({version.tags.get('git.commit', 'unknown')[:12]}), or `make register` again"
            )
        return build(laid_out)


def build(laid_out: Path) -> tuple[str, bool]:
    """Build the Bento of a laid out folder, unless one with its content is there."""
    info, content = bundle.read(laid_out)
    name = yaml.safe_load(Path(BENTOFILE).read_text(encoding="utf-8"))["name"]
    tag = f"{name}:{content}"
    try:
        bentoml.bentos.get(tag)
    except NotFound:
        labels = {name: str(info[name]) for name in ("name", "version", "environment", "commit")}
        log.info("building %s", tag)
        with tempfile.TemporaryDirectory(prefix="bento-") as folder:
            _build(_context(Path(folder), laid_out), content, labels)
        return tag, True
    return tag, False


def inside(tag: str) -> tuple[str, dict[str, Any], Path]:
    """Return the whole tag of a Bento, its metadata, and the model's folder in it."""
    try:
        found = bentoml.bentos.get(tag)
        folder = Path(found.path_of("src")) / bundle.FOLDER
        read = json.loads((folder / bundle.SERVING).read_text(encoding="utf-8"))
        return str(found.tag), dict(read["info"]), folder
    except (BentoMLException, OSError, ValueError, KeyError) as error:
        raise ServingError(
            f"BENTO: {tag} is no Bento of this project ({error}); "
            "`bentoml list` shows them, `make package` builds one"
        ) from None


def _context(folder: Path, laid_out: Path) -> Path:
    """Copy a model and the code that serves it, and nothing else of the work tree."""
    serving = json.loads((laid_out / bundle.SERVING).read_text(encoding="utf-8"))
    # Under the name that bentofile.yaml has, whatever device the packages are for.
    places = {name: name for name in bundle.CODE}
    places[str(bundle.lock(serving))] = bundle.LOCKS["cpu"]
    for name, place in places.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        if Path(name).is_dir():
            shutil.copytree(name, folder / place, ignore=_CLUTTER, dirs_exist_ok=True)
        else:
            shutil.copy(name, folder / place)
    shutil.copytree(laid_out, folder / bundle.FOLDER)
    return folder


def _build(context: Path, version: str, labels: dict[str, str]) -> None:
    """Build in a process of its own: BentoML imports the service, and with it its model."""
    flags = [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
    program = str(Path(sys.executable).with_name("bentoml"))
    done = subprocess.run(
        [program, "build", "--version", version, *flags, "--output", "tag"],
        cwd=context,
        env={
            **os.environ,
            "PYTHONPATH": str(context / "src"),
            "SERVING_FOLDER": str(context / bundle.FOLDER),
        },
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise ServingError(
            f"BentoML cannot build {BENTOFILE}: {lines[-1]}; `bentoml build` shows more"
        )


if __name__ == "__main__":
    run(main)
