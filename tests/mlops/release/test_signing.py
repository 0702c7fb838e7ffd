"""Who signs an image, and what is not deployed without that; Sigstore is not reached here."""

import sys
from pathlib import Path
from typing import Any

import pytest

from common import ROOT
from mlops.core.errors import AuditError, ConfigError
from mlops.release import images, sbom, signing
from mlops.release.versions import selection
from mlops.release.versions.registry import Version

IMAGE = "registry.example/classifier@sha256:" + "a" * 64
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "team/project",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_SERVER_URL": "https://gitlab.com",
    "CI_PROJECT_URL": "https://gitlab.com/team/project",
}


@pytest.fixture(name="cosign", autouse=True)
def _cosign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs that write down how they are called.

    Nobody has signed the image `strange`, and nobody knows who built the image `foreign`.
    """
    for name in (*GITHUB, *GITLAB, "GITHUB_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, calls, unknown in (("cosign", "calls", "strange"), ("gh", "asked", "foreign")):
        program = folder / name
        program.write_text(
            f'#!/bin/sh\necho "$@" >>{tmp_path}/{calls}\n'
            f'case "$*" in *{unknown}*) echo none found >&2; exit 10;; esac\n'
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return tmp_path / "calls"


@pytest.fixture(name="version")
def _version(project: Path, monkeypatch: pytest.MonkeyPatch) -> Version:
    """The challenger of qa, whose image is there."""
    (project / "conf").symlink_to(ROOT / "conf")
    monkeypatch.setenv("ENV", "qa")
    found = Version("tiny", "1", "run", {"image": IMAGE}, ())
    nothing: Any = lambda *_arguments: None  # noqa: E731
    monkeypatch.setattr(signing, "Registry", nothing)
    monkeypatch.setattr(selection, "select", lambda *_arguments: found)
    monkeypatch.setattr(images, "find", lambda *_arguments: IMAGE)
    monkeypatch.setattr(sbom, "make", lambda *_arguments: {"components": []})
    return found


def on(monkeypatch: pytest.MonkeyPatch, host: dict[str, str]) -> None:
    """Run as a job of a host."""
    for name, value in host.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("host", "environment", "name"),
    [
        (GITHUB, "qa", "https://github.com/team/project/.github/workflows/qa.yml@refs/heads/qa"),
        (
            GITHUB,
            "prod",
            "https://github.com/team/project/.github/workflows/main.yml@refs/heads/main",
        ),
        (GITLAB, "prod", "https://gitlab.com/team/project//.gitlab-ci.yml@refs/heads/main"),
    ],
)
def test_the_branch_of_the_environment_signs(
    monkeypatch: pytest.MonkeyPatch, host: dict[str, str], environment: str, name: str
) -> None:
    """Its workflow, which exists, and nobody else."""
    on(monkeypatch, host)
    found = signing.signer(environment)

    assert found
    assert found.name == name
    workflow = name.removeprefix("https://github.com/team/project/").partition("@")[0]
    assert host is GITLAB or (ROOT / workflow).is_file()


def test_nothing_is_signed_for_development() -> None:
    """Nothing is deployed from there."""
    with pytest.raises(ConfigError, match="ENV=dev"):
        signing.signer("dev")


@pytest.mark.usefixtures("version")
def test_ci_signs_and_puts_the_list_beside_it(
    cosign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By digest; the job hands on what was signed."""
    on(monkeypatch, GITHUB)
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setattr(sys, "argv", ["signature", "sign"])

    signing.main()

    sign, attest = cosign.read_text().splitlines()
    assert sign == f"sign --yes {IMAGE}"
    assert attest == f"attest --yes --type cyclonedx --predicate reports/sbom.json {IMAGE}"
    name, digest = IMAGE.split("@")
    assert (tmp_path / "output").read_text() == f"image={name}\ndigest={digest}\n"


@pytest.mark.usefixtures("version")
def test_a_laptop_pushes_and_says_that_nothing_is_signed(
    cosign: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no identity to sign with."""
    monkeypatch.setattr(sys, "argv", ["signature", "sign"])

    signing.main()

    assert not cosign.exists()
    assert "not signed" in capsys.readouterr().out


def test_what_another_has_signed_is_refused(
    version: Version, cosign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Identity and issuer are asked for; an image without a signature stops the job."""
    on(monkeypatch, GITHUB)
    monkeypatch.setattr(sys, "argv", ["signature", "check"])
    signing.main()
    assert "--certificate-identity https://github.com/team/project/" in cosign.read_text()

    strange = Version("tiny", "2", "run", {"image": "strange@sha256:0"}, ())
    monkeypatch.setattr(selection, "select", lambda *_arguments: strange)
    with pytest.raises(
        AuditError,
        match=r"`cosign verify` failed .* nothing that CI has not signed and built is deployed",
    ):
        signing.main()

    bare = Version("tiny", "3", "run", {}, ())
    monkeypatch.setattr(selection, "select", lambda *_arguments: bare)
    with pytest.raises(AuditError, match="make sign"):
        signing.main()
    assert version


@pytest.mark.usefixtures("version")
@pytest.mark.parametrize("host", [GITHUB, GITLAB], ids=["GitHub", "GitLab"])
def test_what_another_has_built_is_refused(
    host: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On GitHub, whose provenance names repository, workflow and branch; GitLab has none."""
    on(monkeypatch, host)
    who = signing.signer("qa")
    assert who
    signing.check(IMAGE, who)

    workflow = "https://github.com/team/project/.github/workflows/qa.yml@refs/heads/qa"
    asked = "attestation verify --repo team/project --cert-identity "
    wanted = f"{asked}{workflow} --bundle-from-oci oci://{IMAGE}\n"
    assert (tmp_path / "asked").exists() is (host is GITHUB)
    if host is GITHUB:
        assert (tmp_path / "asked").read_text() == wanted
        with pytest.raises(
            AuditError,
            match=r"`gh attestation` failed for oci://registry\.example/foreign.*none found",
        ):
            signing.check("registry.example/foreign@sha256:0", who)
        (tmp_path / "bin" / "gh").unlink()
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        with pytest.raises(AuditError, match="gh is not on the PATH of this runner"):
            signing.check(IMAGE, who)


@pytest.mark.usefixtures("version")
def test_a_runner_without_cosign_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI nothing goes on unsigned."""
    on(monkeypatch, GITLAB)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "argv", ["signature", "check"])

    with pytest.raises(AuditError, match="cosign is not on the PATH"):
        signing.main()
