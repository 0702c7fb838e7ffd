"""List what is in the image of a version: packages of Python and of Debian, and the model.

Debian's are listed once the image is there (`make sign`). The same inputs give the same file.

Reads: ENV, EXP, VERSION, IMAGE (else the version's own), the lock that the version is packaged
    with, conf/, the registry
Writes: reports/sbom.json (CycloneDX 1.6)
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from packaging.markers import Marker

from mlops.core import command, outputs
from mlops.core.errors import ServingError, run
from mlops.pipeline.compose import asked
from mlops.release import images
from mlops.release.evidence import BENTO
from mlops.release.versions import bundle, selection, version_files
from mlops.release.versions.registry import Registry, Version

REPORT = Path("reports/sbom.json")
TOOL = Path(".venv/ci/bin/cyclonedx-py")
DPKG = "/var/lib/dpkg/status"
# Where the image runs, whatever machine writes the list.
TARGET = {
    "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix",
    "platform_machine": "x86_64", "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "python_version": "3.11", "python_full_version": "3.11.9",
}  # fmt: skip


def pins(lock: str) -> list[str]:
    """Return the packages of a lock that the image gets, as `name==version`."""
    found = []
    for line in re.findall(r"^([\w.-]+(?:\[[\w,-]+\])?==[^\\\n]+)", lock, re.M):
        pin, _, marker = line.partition(";")
        if not marker.strip() or Marker(marker.strip()).evaluate(TARGET):
            found.append(pin.strip())
    return found


def packages(names: list[str]) -> dict[str, Any]:
    """Return the list that cyclonedx-py makes of pinned packages."""
    words = [str(TOOL), "requirements", "-", "--output-reproducible", "--short-PURLs"]
    done = subprocess.run(
        words, input="\n".join(names), text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise ServingError(f"cyclonedx-py cannot list the lock: {done.stderr[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    for component in found["components"]:
        component["bom-ref"] = component["purl"]
        # The address of an index, guessed; each machine has its own.
        component.pop("externalReferences", None)
        component.pop("description", None)
    found["dependencies"] = [{"ref": component["purl"]} for component in found["components"]]
    return found


def model(info: dict[str, Any]) -> dict[str, Any]:
    """Return the model as a component."""
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{info['model_sha256']}",
        "name": info["name"],
        "version": info["version"],
        "hashes": [{"alg": "SHA-256", "content": info["model_sha256"]}],
    }


def debian(status: str) -> list[dict[str, Any]]:
    """Return the installed packages of dpkg's status file as components."""
    found = []
    for entry in status.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|Architecture|Status): (.*)$", entry, re.M))
        if fields.get("Status", "").endswith(" installed"):
            name, version, kind = (fields[x] for x in ("Package", "Version", "Architecture"))
            place = f"pkg:deb/debian/{name}@{version.replace('+', '%2B')}?arch={kind}"
            found.append(
                {
                    "type": "library",
                    "bom-ref": place,
                    "name": name,
                    "version": version,
                    "purl": place,
                }
            )
    return sorted(found, key=lambda one: str(one["bom-ref"]))


def installed(image: str, engine: str) -> list[dict[str, Any]]:
    """Read the Debian packages out of an image."""
    words = ("run", "--rm", "--network", "none", "--entrypoint", "cat", image, DPKG)
    return debian(
        command.run(
            engine, *words, hint=f"expected the image {image} with {DPKG}; `make sign` builds it"
        )
    )


def bill(serving: dict[str, Any], libraries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the whole list for what is packaged, with the Debian packages of its image."""
    info = serving["info"]
    found = packages(pins(bundle.lock(serving).read_text(encoding="utf-8")))
    name = f"{info['name']}-service"
    found["metadata"]["component"] = {
        "type": "application",
        "bom-ref": f"bento:{info['package']}",
        "name": name,
        "version": info["package"],
        "properties": [{"name": "git.commit", "value": str(info.get("commit"))}],
    }
    more = [model(info), *libraries]
    found["components"] += more
    found["dependencies"] += [{"ref": component["bom-ref"]} for component in more]
    return found


def make(version: Version, registry: Registry, image: str, engine: str) -> dict[str, Any]:
    """Return the list for a registered version, with what an engine finds in its image."""
    with tempfile.TemporaryDirectory(prefix="sbom-") as name:
        path = version_files.fetch(registry, version, Path(name), BENTO) / bundle.SERVING
        serving = json.loads(path.read_text(encoding="utf-8"))
    serving["info"] |= {"package": version.tags["bento"], "commit": version.tags["git.commit"]}
    return bill(serving, installed(image, engine) if image else [])


def main() -> None:
    """Write the list."""
    params = asked()
    registry = Registry(params)
    version = selection.select(registry, params, os.environ.get("VERSION"))
    image = os.environ.get("IMAGE") or version.tags.get(images.TAG, "")
    found = make(version, registry, image, params.deploy.engine)
    outputs.write_json(REPORT, found)
    sys.stdout.write(f"{len(found['components'])} components of {version} written to {REPORT}\n")


if __name__ == "__main__":
    run(main)
