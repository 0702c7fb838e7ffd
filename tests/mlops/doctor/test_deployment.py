"""What the doctor says of the places that `make deploy` needs."""

from pathlib import Path
from typing import Any

import pytest

from mlops.doctor import deployment
from sickbed import answering, programs, told, unused


def deploy(**changed: str) -> dict[str, Any]:
    """Return the section deploy."""
    image = f"127.0.0.1:{unused()}/team/classifier"
    given = {"target": "kubernetes", "engine": "podman", "context": "mlops-qa", "image": image}
    return {**given, **changed}


def test_missing_programs_of_a_deployment_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them, and a registry that is away; none stops the work."""
    programs(tmp_path / "bin", monkeypatch)
    found = [told(one) for one in deployment.deployment(deploy())]

    assert [one.partition(" ->")[0].partition(": [")[0] for one in found] == [
        "note deploy podman is not on the PATH",
        "note deploy kubectl is not on the PATH",
        f"note deploy the registry {found[2].split()[4]} does not answer",
    ]
    both = [told(one) for one in deployment.deployment(deploy(target="podman", engine="docker"))]
    assert ["docker" in both[0], "podman" in both[1]] == [True, True]


@pytest.mark.parametrize(
    ("kubectl", "sentence"),
    [
        ("exit 1", "note deploy kubectl's context is not set, expected mlops-qa -> kubectl config"),
        ("echo minikube", "note deploy kubectl's context is minikube, expected mlops-qa"),
        (
            '[ "$1" = config ] && echo mlops-qa || { echo refused; exit 1; }',
            "note deploy the cluster mlops-qa does not answer: refused -> look at",
        ),
        ("echo mlops-qa", "ok deploy the cluster mlops-qa answers"),
    ],
)
def test_the_cluster_is_asked(
    kubectl: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the context that conf/ names, and in no other."""
    programs(tmp_path / "bin", monkeypatch, kubectl=kubectl, podman="echo broken >&2; exit 1")
    engine, cluster, _ = map(told, deployment.deployment(deploy()))

    assert engine.startswith("note deploy podman does not work: broken -> fix it until")
    assert cluster.startswith(sentence)


def test_a_registry_that_answers_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it lets nobody in without a password."""
    programs(tmp_path / "bin", monkeypatch, kubectl="exit 1", podman="true")
    with answering({}) as address:
        host = address.removeprefix("http://")
        engine, _, registry = map(told, deployment.deployment(deploy(image=f"{host}/x/y")))

    assert (engine, registry) == (
        "ok deploy podman works",
        f"ok deploy the registry {host} answers",
    )
