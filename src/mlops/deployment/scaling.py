"""Who counts the pods: the CPU's autoscaler, or KEDA by how busy the predicting threads are.

Never both: two that set the replicas of one Deployment undo each other's work.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from mlops.config.schema import Params
from mlops.deployment.rendered import Manifests

KEDA = "scaledobjects.keda.sh"
TRANSFER = "scaledobject.keda.sh/transfer-hpa-ownership"


def overlay(params: Params) -> dict[str, Any]:
    """Return what kustomize adds for the autoscaler that the configuration names."""
    if params.deploy.autoscaler == "cpu":
        return {}
    place = "/spec/triggers/0/metadata/threshold"
    change = [{"op": "replace", "path": place, "value": threshold(params)}]
    patch = {"target": {"kind": "ScaledObject"}, "patch": yaml.safe_dump(change)}
    return {"components": ["../keda"], "patches": [patch]}


def threshold(params: Params) -> str:
    """Return how many seconds of each second the threads of one pod may be busy, all together."""
    return f"{params.deploy.busy_threads * params.serving.workers:.3g}"


def problems(found: Manifests) -> Iterator[str]:
    """Say what is wrong with the autoscaler of manifests."""
    kinds = [one for one in ("HorizontalPodAutoscaler", "ScaledObject") if one in found.kinds]
    if not kinds:
        return
    if len(kinds) > 1:
        yield "a HorizontalPodAutoscaler and a ScaledObject count the same pods; keep one of them"
    if "replicas" in found["Deployment"]["spec"]:
        yield f"the Deployment has replicas, which the {kinds[0]} sets; remove them"
    for kind in kinds:
        yield from (_autoscaler if kind != "ScaledObject" else _keda)(found, found[kind]["spec"])


def _autoscaler(found: Manifests, spec: Any) -> Iterator[str]:
    target = (spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"])
    if target != ("Deployment", found["Deployment"]["metadata"]["name"]):
        yield f"the HorizontalPodAutoscaler scales {target}, expected the Deployment"
    if not 1 <= spec["minReplicas"] < spec["maxReplicas"]:
        yield f"minReplicas: expected less than maxReplicas, found {spec['minReplicas']}"
    for one in spec["metrics"]:
        if not 0 < one["resource"]["target"]["averageUtilization"] < 100:
            yield "averageUtilization: expected below 100 %, which no pod can exceed"


def _keda(found: Manifests, spec: Any) -> Iterator[str]:
    name, least, most = (
        spec["scaleTargetRef"]["name"], spec["minReplicaCount"], spec["maxReplicaCount"]
    )  # fmt: skip
    if name != found["Deployment"]["metadata"]["name"]:
        yield f"the ScaledObject scales {name}, expected the Deployment"
    if not 1 <= least < most or "idleReplicaCount" in spec:
        yield (
            f"minReplicaCount: expected at least 1 and less than maxReplicaCount, found {least}, "
            "and no idleReplicaCount: no pod measures nothing, so none would ever be started"
        )
    if not least <= spec["fallback"]["replicas"] <= most:
        yield f"fallback.replicas: expected {least} to {most}, found {spec['fallback']['replicas']}"
    for one in spec["triggers"]:
        if one["type"] == "prometheus" and one["metadata"].get("ignoreNullValues") != "false":
            yield 'ignoreNullValues: expected "false": a lost Prometheus would look like no load'
    yield from _taken_over(found["ScaledObject"])


def _taken_over(one: Any) -> Iterator[str]:
    named = one["spec"].get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("name")
    if named != one["metadata"]["name"] or one["metadata"]["annotations"].get(TRANSFER) != "true":
        yield (
            f"the ScaledObject must take over the autoscaler {one['metadata']['name']} that may be "
            f'there: set horizontalPodAutoscalerConfig.name to it and {TRANSFER} to "true"'
        )
