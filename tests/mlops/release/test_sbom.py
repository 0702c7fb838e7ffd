"""The list of what is in the image."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import ci_tools
import toy
from common import ROOT
from mlops.core import hashing, outputs
from mlops.core.errors import DeployError
from mlops.release import sbom
from mlops.release.versions import bundle
from mlops.release.versions.registry import Version

LOCK = """\
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:00
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:00
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:00
uvicorn[standard]==1.0 \\
    --hash=sha256:00
"""
STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u10

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0
"""


def test_packages_of_other_machines_are_left_out() -> None:
    """The image has one Python and one system."""
    assert sbom.pins(LOCK) == ["numpy==2.4.6", "uvicorn[standard]==1.0"]


def test_the_python_of_the_list_is_that_of_the_image() -> None:
    """Markers are read for the base image that the Bento names."""
    named = f"base_image: python:{sbom.TARGET['python_version']}-slim"

    assert named in (ROOT / "bentofile.yaml").read_text()


def test_debian_packages_are_those_installed() -> None:
    """As dpkg tells of them, with an address that scanners know."""
    assert [one["purl"] for one in sbom.debian(STATUS)] == [
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64"
    ]


def test_an_image_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the engine that is configured; its refusal is told."""
    engine = tmp_path / "docker"
    (tmp_path / "status").write_text(STATUS)
    engine.write_text(
        f'#!/bin/sh\n[ "$7" = here ] && exec cat {tmp_path}/status\necho no >&2; exit 1\n'
    )
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert [one["name"] for one in sbom.installed("here", "docker")] == ["libc6"]
    with pytest.raises(DeployError, match="expected the image there"):
        sbom.installed("there", "docker")


class Holding:
    """A registry with the release of a packaged toy."""

    def __init__(self, project: Path) -> None:
        self._project = project

    def download(self, _version: Version, folder: Path, part: str) -> Path:
        """Bring a part of the release."""
        return Path(shutil.copytree(self._project / "models" / part, folder / part))


@pytest.mark.slow
@pytest.mark.nightly
def test_the_list_is_valid_whole_and_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strictly CycloneDX 1.6, with each package of the image and the model."""
    programs = ci_tools.installed()
    project = toy.project(tmp_path / "project")
    monkeypatch.chdir(project)
    monkeypatch.setattr(sbom, "TOOL", programs / "cyclonedx-py")
    bundle.lay_out()
    bento = hashing.digest(bundle.FOLDER)
    tags = {"bento": "c0ffee", "git.commit": "abc", "files.bento.sha256": bento}
    version = Version("toy", "1", "run", tags, ())
    registry: Any = Holding(project)

    found = sbom.make(version, registry, "", "podman")
    outputs.write_json(sbom.REPORT, found)

    assert sbom.make(version, registry, "", "podman") == found
    names = {f"{one['name']}=={one['version']}" for one in found["components"]}
    assert {
        re.sub(r"\[.*\]", "", pin) for pin in sbom.pins(Path(bundle.LOCKS["cpu"]).read_text())
    } <= names
    assert {one["type"] for one in found["components"]} == {"library", "machine-learning-model"}
    assert found["metadata"]["component"]["version"] == "c0ffee"
    checker = (
        "import sys; from cyclonedx.schema import SchemaVersion as V; "
        "from cyclonedx.validation.json import JsonStrictValidator as J; "
        "sys.exit(J(V.V1_6).validate_str(open(sys.argv[1]).read()) is not None)"
    )
    command = [str(programs / "python"), "-c", checker, str(sbom.REPORT)]
    assert subprocess.run(command, check=False).returncode == 0
