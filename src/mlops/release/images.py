"""The image of a registered version: built from its Bento, pushed, and known by its digest."""

import logging
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from mlops.config.operating import Deploy
from mlops.core import command
from mlops.core.errors import DeployError
from mlops.release import package
from mlops.release.versions.registry import Registry, Version

log = logging.getLogger(__name__)
TAG = "image"  # of a version
STDERR = 2  # the log of a build is no output of ours


def find(version: Version, registry: Registry, deploy: Deploy) -> str:
    """Return the image of a version with its digest; build and push it unless it is there."""
    known = version.tags.get(TAG, "")
    if known.startswith(f"{deploy.image}@") and _is_there(known, deploy):
        return known
    bento, _ = package.build_version(version, registry)
    local = f"{deploy.image}:{bento.partition(':')[2]}"
    log.info("building the image of %s", bento)
    pairs = [f"{name}={value}" for name, value in deploy.build_options.items()]
    options = [word for pair in pairs for word in ("--opt", pair)]
    _show(
        _bentoml(),
        "containerize",
        bento,
        "--backend",
        deploy.engine,
        "--image-tag",
        local,
        *options,
    )
    log.info("pushing it to %s", deploy.image)
    image = _pushed(local, deploy)
    registry.tag(version, {TAG: image})
    return image


def _is_there(image: str, deploy: Deploy) -> bool:
    try:
        command.run(deploy.engine, "manifest", "inspect", image, hint="", seconds=60)
    except DeployError:
        return False
    return True


def _pushed(local: str, deploy: Deploy) -> str:
    if deploy.engine == "podman":
        with tempfile.TemporaryDirectory(prefix="push-") as folder:
            file = Path(folder) / "digest"
            _show("podman", "push", "--digestfile", str(file), local)
            return f"{deploy.image}@{file.read_text(encoding='utf-8').strip()}"
    output = command.run(
        "docker", "push", local, hint="`docker login` and deploy.image decide where it may go"
    )
    digest = re.search(r"digest: (sha256:[0-9a-f]{64})", output)
    if digest is None:
        raise DeployError(f"docker push printed no digest of {local}: {output[-200:]}")
    return f"{deploy.image}@{digest[1]}"


def _show(*words: str) -> None:
    """Run a command that takes long, with its log on stderr as it comes."""
    try:
        done = subprocess.run(words, stdout=STDERR, check=False)
    except FileNotFoundError:
        raise DeployError(f"{words[0]} is not on the PATH; install it") from None
    if done.returncode:
        shown = " ".join((Path(words[0]).name, *words[1:3]))
        raise DeployError(
            f"`{shown}` failed with exit code {done.returncode}, see above "
            "(deploy.engine, deploy.image and deploy.build_options decide what is called)"
        )


def _bentoml() -> str:
    return str(Path(sys.executable).with_name("bentoml"))
