"""Sign the image of a version with the identity of CI's own run, or check who signed and built it.

Nobody holds a key: Sigstore vouches for the run of a workflow on the branch of the environment. On
a laptop there is no such identity: the image is pushed, nothing is signed, nothing is checked.

Reads: ENV, EXP, VERSION, conf/, the registry; the variables of the job on GitHub or GitLab
Writes: the image in its registry with its signature and SBOM, reports/sbom.json; the outputs
    `image` and `digest` of the job
"""

import os
import subprocess
import sys
from dataclasses import dataclass

from mlops.core import branch, ci_job, outputs
from mlops.core.errors import AuditError, ConfigError, run
from mlops.pipeline.compose import asked
from mlops.release import images, sbom
from mlops.release.versions import selection
from mlops.release.versions.registry import Registry


@dataclass(frozen=True)
class Signer:
    """Who may sign: a workflow on a branch, as the host's certificate names it."""

    name: str
    issuer: str
    repository: str = ""  # on GitHub, which attests how an image was built (SLSA provenance)


def signer(environment: str) -> Signer | None:
    """Return who signs for an environment on the host that this runs on; None on a laptop."""
    names = {env: name for name, env in branch.ENVIRONMENTS.items()}
    if environment not in names:
        raise ConfigError(f"images are for qa and prod, found ENV={environment}; set ENV")
    name, variables = names[environment], os.environ
    if variables.get("GITHUB_ACTIONS") == "true":
        project = f"{variables['GITHUB_SERVER_URL']}/{variables['GITHUB_REPOSITORY']}"
        workflow = f"{project}/.github/workflows/{name}.yml@refs/heads/{name}"
        issuer = "https://token.actions.githubusercontent.com"
        return Signer(workflow, issuer, variables["GITHUB_REPOSITORY"])
    if variables.get("GITLAB_CI") == "true":
        project = f"{variables['CI_PROJECT_URL']}//.gitlab-ci.yml@refs/heads/{name}"
        return Signer(project, variables["CI_SERVER_URL"])
    return None


def sign(image: str) -> None:
    """Sign an image and attach its SBOM."""
    _ask("cosign", "sign", "--yes", image)
    predicate = ("--type", "cyclonedx", "--predicate", str(sbom.REPORT))
    _ask("cosign", "attest", "--yes", *predicate, image)


def check(image: str, who: Signer) -> None:
    """Refuse an image that this signer has not signed, or on GitHub has not built."""
    identity = ("--certificate-identity", who.name, "--certificate-oidc-issuer", who.issuer)
    _ask("cosign", "verify", *identity, image)
    if who.repository:  # gh, since a private repository's provenance is not in the public Sigstore
        built = ("--repo", who.repository, "--cert-identity", who.name, "--bundle-from-oci")
        _ask("gh", "attestation", "verify", *built, f"oci://{image}")


def _ask(program: str, *words: str) -> None:
    try:
        done = subprocess.run([program, *words], text=True, capture_output=True, check=False)
    except FileNotFoundError:
        raise AuditError(f"{program} is not on the PATH of this runner; install it") from None
    if done.returncode:
        raise AuditError(
            f"`{program} {words[0]}` failed for {words[-1]}: {done.stderr.strip()[-800:]}; "
            "nothing that CI has not signed and built is deployed"
        )


def main() -> None:
    """Do what the command line says: `sign` or `check`."""
    params = asked()
    who = signer(params.environment)
    registry = Registry(params)
    version = selection.select(registry, params, os.environ.get("VERSION"))
    if sys.argv[1:] == ["check"]:
        image = version.tags.get(images.TAG)
        if not image:
            raise AuditError(f"{version} has no image; run `make sign`")
        if who:
            check(image, who)
    else:
        image = images.find(version, registry, params.deploy)
        outputs.write_json(sbom.REPORT, sbom.make(version, registry, image, params.deploy.engine))
        if who:
            sign(image)
    name, _, digest = image.partition("@")
    ci_job.hand_on("image", name)
    ci_job.hand_on("digest", digest)
    state = f"signed by {who.name}" if who else "not signed: only CI signs and checks"
    sys.stdout.write(f"{image} of {version}: {state}\n")


if __name__ == "__main__":
    run(main)
