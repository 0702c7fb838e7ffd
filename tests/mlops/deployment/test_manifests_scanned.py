"""The rendered manifests against Kubernetes' schemas and checkov's rules. Slow: 190 MB of tools."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_manifests import RELEASE

import served
from common import ROOT
from ml.config import Params
from mlops.deployment import manifests

pytestmark = [
    pytest.mark.release,
    pytest.mark.skipif(
        not any(map(shutil.which, ("kubectl", "kustomize"))), reason="neither kubectl nor kustomize"
    ),
]
OLDEST, NEWEST = "1.32", "1.37"  # of the clusters that these manifests are for


@pytest.fixture(name="programs", scope="module")
def _programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return served.locked_environment(tmp_path_factory.mktemp("scanners") / "venv", "manifests")


@pytest.fixture(name="rendered")
def _rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_params: Callable[..., Params]
) -> dict[str, str]:
    """The manifests of both environments; the current folder is an empty one."""
    monkeypatch.chdir(ROOT)
    found = {
        name: manifests.render(RELEASE, make_params(environment=name)) for name in ("qa", "prod")
    }
    monkeypatch.chdir(tmp_path)
    return found


def valid(programs: Path, text: str, version: str = OLDEST) -> bool:
    """Tell whether all documents are known to a version's schemas, and fit."""
    Path("validated.yaml").write_text(text)
    done = subprocess.run(
        [programs / "kubernetes-validate", "-k", version, "--strict", "validated.yaml"],
        text=True,
        capture_output=True,
        check=False,
    )
    # A kind or version without a schema is only warned of.
    passed = len(re.findall(r"^INFO .* passed", done.stdout + done.stderr, re.M))
    return done.returncode == 0 and passed == len(list(yaml.safe_load_all(text)))


def scan(programs: Path, texts: dict[str, str]) -> dict[str, Any]:
    """Return what checkov found, by the names of the texts: id and comment of each check."""
    for name, text in texts.items():
        Path(f"{name}.yaml").write_text(text)
    command = ["checkov", "--directory", ".", "--framework", "kubernetes", "--skip-download"]
    done = subprocess.run(
        [programs / command[0], *command[1:], "--output", "json"],
        text=True,
        capture_output=True,
        check=False,
    )
    results = json.loads(done.stdout)["results"]
    return {
        name: {
            outcome: {
                one["check_id"]: one["check_result"].get("suppress_comment")
                for one in results[outcome]
                if one["file_path"] == f"/{name}.yaml"
            }
            for outcome in ("passed_checks", "failed_checks", "skipped_checks")
        }
        for name in texts
    }


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("environment", ["qa", "prod"])
def test_a_cluster_knows_every_field(
    programs: Path, rendered: dict[str, str], environment: str, version: str
) -> None:
    """No field is unknown, of another type or of an API that is gone."""
    assert valid(programs, rendered[environment], version)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("livenessProbe:", "livenesProbe:"),
        ("minReadySeconds: 5", "minReadySeconds: five"),
        ("autoscaling/v2", "autoscaling/v2beta2"),
        ("topologyKey: kubernetes.io/hostname", "topologykey: kubernetes.io/hostname"),
    ],
)
def test_a_field_that_no_cluster_knows_is_found(
    programs: Path, rendered: dict[str, str], old: str, new: str
) -> None:
    """Kubernetes' own schemas, strictly: the apiserver might drop it without a word."""
    assert old in rendered["prod"]
    assert not valid(programs, rendered["prod"].replace(old, new))


def test_checkov_finds_nothing_and_is_told_why_where_it_is_overruled(
    programs: Path, rendered: dict[str, str]
) -> None:
    """No rule fails; what is skipped stands in the manifest, each with its reason."""
    found = scan(programs, rendered)
    written = (ROOT / "deploy" / "k8s" / "base" / "deployment.yaml").read_text()
    reasons = dict(re.findall(r"checkov\.io/skip\d: (CKV\w+)=(.+)", written))

    assert reasons
    for results in found.values():
        assert results["failed_checks"] == {}
        assert results["skipped_checks"] == reasons
        assert len(results["passed_checks"]) > 40


WEAKER = {
    "CKV_K8S_11": ('limits:\n            cpu: "1"\n', "limits:\n"),
    "CKV_K8S_16": ("readOnlyRootFilesystem: true", "privileged: true"),
    "CKV_K8S_20": ("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"),
    "CKV_K8S_22": ("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
    "CKV_K8S_23": ("runAsNonRoot: true\n        runAsUser: 1034", "runAsUser: 0"),
    "CKV_K8S_31": ("type: RuntimeDefault", "type: Unconfined"),
    "CKV_K8S_37": ("drop:\n            - ALL", "add:\n            - NET_ADMIN"),
    "CKV_K8S_38": ("automountServiceAccountToken: false", "automountServiceAccountToken: true"),
}


def test_a_weaker_pod_is_found(programs: Path, rendered: dict[str, str]) -> None:
    """Each protection is one that checkov misses when it is taken away."""
    weak = {}
    for rule, (strong, weaker) in WEAKER.items():
        assert strong in rendered["qa"], rule
        weak[rule] = rendered["qa"].replace(strong, weaker)
    found = scan(programs, weak)

    assert [rule for rule, results in found.items() if rule not in results["failed_checks"]] == []
