"""The request log of a pod: a spool that the service writes to, and the container that ships it.

Reads: deploy/k8s/request-log/
"""

from typing import Any

from mlops.config.schema import Params
from mlops.core.errors import DeployError
from mlops.deployment.traefik.traffic import ROLE

VOLUME, MOUNT = "requests", "/requests"
SPARE = 1.25  # of the volume: a pod whose volume is over its limit is evicted


def overlay(params: Params, image: Any) -> dict[str, Any]:
    """Return what the log adds to the overlay of a release; `image` reads an image's name."""
    log = params.request_log
    if not log.enabled:
        return {"images": []}
    found = image.fullmatch(log.shipper or "")
    if found is None:
        raise DeployError(
            "request_log.enabled needs request_log.shipper: the image of what ships the log, as "
            f"<registry>/<name>@sha256:<digest>, found {log.shipper}; docs/operate.md says how it "
            "is built"
        )
    return {
        "components": ["../request-log"],
        "images": [{"name": "request-log", "newName": found["name"], "digest": found["digest"]}],
        "configMapGenerator": [
            {
                "name": "model-server",
                "namespace": "mlops",
                "behavior": "merge",
                "literals": [f"{name}={value}" for name, value in variables(params).items()],
            }
        ],
    }


def variables(params: Params) -> dict[str, str]:
    """Return what the service and the shipper are told."""
    log = params.request_log
    return {
        "REQUEST_LOG": MOUNT,
        "REQUEST_LOG_TEXTS": str(int(log.texts)),
        "REQUEST_LOG_SAMPLE": str(log.sample),
        "REQUEST_LOG_SPOOL_MB": str(log.spool_mb),
        "REQUEST_LOG_SECONDS": str(log.rotate_seconds),
        "REQUEST_LOG_URL": log.url,
        "REQUEST_LOG_ENVIRONMENT": params.environment,
    }


def spool(params: Params) -> list[dict[str, Any]]:
    """Return the volume of the spool for the patch of a release."""
    if not params.request_log.enabled:
        return []
    limit = f"{round(params.request_log.spool_mb * SPARE)}M"
    return [{"name": VOLUME, "emptyDir": {"sizeLimit": limit}}]


def on_one_machine(pod: dict[str, Any], environment: str) -> None:
    """Let podman run the shipper, as a container like the service.

    Both pods of an environment share the spool, and it outlives them: what one has not shipped when
    it ends, the next one ships.
    """
    for one in pod.pop("initContainers", []):
        pod["containers"].append({k: v for k, v in one.items() if k != "restartPolicy"})
    for volume in pod["volumes"]:
        if volume["name"] == VOLUME:
            # A pod that begins as a canary or shadow may stay as what is live: the proxy knows.
            header = {"name": "REQUEST_LOG_ROLE_HEADER", "value": ROLE}
            pod["containers"][0].setdefault("env", []).append(header)
            del volume["emptyDir"]
            volume["persistentVolumeClaim"] = {"claimName": f"{environment}-{VOLUME}"}
