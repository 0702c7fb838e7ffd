"""The rendered manifests against Kubernetes' schemas and checkov's rules. Slow: 190 MB of tools."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from test_manifests import RELEASE

import served
from common import ROOT
from ml.config import Params
from mlops.deployment import manifests

pytestmark = pytest.mark.release
OLDEST, NEWEST = "1.32", "1.37"  # of the clusters that these manifests are for


@pytest.fixture(name="programs", scope="module")
def _programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return served.locked_environment(tmp_path_factory.mktemp("scanners") / "venv", "manifests")


@pytest.fixture(name="rendered")
def _rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_params: Callable[..., Params]
) -> dict[str, str]:
    """The manifests of both environments, and with all that is optional; in an empty folder."""
    monkeypatch.chdir(ROOT)
    more = {"gateway": "gateways/public/web", "autoscaler": "keda"}
    found = {
        name: manifests.render(
            RELEASE, make_params(environment=name.partition("-")[0], deploy=deploy)
        )
        for name, deploy in {"qa": {}, "prod": {}, "prod-more": more}.items()
    }
    monkeypatch.chdir(tmp_path)
    return found


def valid(programs: Path, text: str, version: str = OLDEST) -> bool:
    """Tell whether all documents are known to a version's schemas or to ours, and fit."""
    schemas = yaml.safe_load((ROOT / "tests/mlops/deployment/crds.yaml").read_text())
    theirs = []
    for one in yaml.safe_load_all(text):
        schema = schemas.get(f"{one['apiVersion']} {one['kind']}")
        if schema is None:
            theirs.append(one)
        elif not jsonschema_rs.is_valid(schema, one):
            return False
    return known(programs, theirs, version)


def known(programs: Path, documents: list[Any], version: str) -> bool:
    """Tell whether a version of Kubernetes has all these kinds, with these fields."""
    Path("validated.yaml").write_text(yaml.safe_dump_all(documents))
    done = subprocess.run(
        [programs / "kubernetes-validate", "-k", version, "--strict", "validated.yaml"],
        text=True,
        capture_output=True,
        check=False,
    )
    # A kind or version without a schema is only warned of.
    passed = len(re.findall(r"^INFO .* passed", done.stdout + done.stderr, re.M))
    return done.returncode == 0 and passed == len(documents)


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
@pytest.mark.parametrize("environment", ["qa", "prod", "prod-more"])
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
        ("weight: 100", "mass: 100"),
        ("weight: 100", "weight: -1"),
        ("type: PathPrefix", "type: Prefix"),
        ('ignoreNullValues: "false"', "ignoreNullValues: false"),
        ("behavior: currentReplicasIfHigher", "behavior: currentReplicasIfMore"),
        ("minReplicaCount: 3", "minReplicas: 3"),
        ("kind: ScaledObject", "kind: ScaledThing"),
        ("keda.sh/v1alpha1", "keda.sh/v2"),
    ],
)
def test_a_field_that_no_cluster_knows_is_found(
    programs: Path, rendered: dict[str, str], old: str, new: str
) -> None:
    """Strictly: the API server might drop it without a word; a kind without a schema fails."""
    text = rendered["prod" if old in rendered["prod"] else "prod-more"]
    assert old in text
    assert not valid(programs, text.replace(old, new))


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
