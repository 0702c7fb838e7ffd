"""A cluster: a candidate that no Service knows is tried first, then the Deployment is rolled.

Where a Gateway leads to the service, the candidate may get a share of the requests in between.
"""

import json
import math
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import yaml

from mlops.config.schema import Params
from mlops.core.errors import DeployError
from mlops.deployment import gateway, lease, manifests, scaling
from mlops.deployment.cluster import ClusterPod, Kubectl, names
from mlops.deployment.gateway import Route
from mlops.deployment.mover import Arm, Split
from mlops.deployment.target import Live

CANDIDATE = f"{manifests.NAME}-candidate"
RECORD = "mlops/record"
ROLLOUT = 1800  # seconds; a pod that gets nowhere is reported after progressDeadlineSeconds
KINDS = "deployment,service,networkpolicy,poddisruptionbudget,horizontalpodautoscaler"


class Kubernetes:
    """The target `kubernetes`."""

    def __init__(self, params: Params) -> None:
        self._kubectl = Kubectl(params.deploy.context)
        self._kubectl.check(params.environment)
        self._environment = params.environment
        self._route = Route(self._kubectl, manifests.NAME, params.deploy.start_seconds)

    def lock(self) -> AbstractContextManager[None]:
        """Hold the Lease of deployments."""
        return lease.held(self._kubectl)

    def live(self) -> Live | None:
        """Return what the Deployment's pods are made from."""
        found = self._kubectl.get("deployment", manifests.NAME)
        if found is None:
            return None
        record = found["metadata"].get("annotations", {}).get(RECORD, "")
        return Live.of(found["spec"]["template"], record, self._pods)

    def start(self, text: str) -> ClusterPod:
        """Start one pod of the release that gets no requests."""
        self._route.unite(None)
        self._remove()
        self._kubectl.apply(candidate(text))
        return ClusterPod(self._kubectl, selector=f"app.kubernetes.io/name={CANDIDATE}")

    def split(self, text: str, split: Split) -> None:
        """Divide the requests by weight, and the pods as the requests."""
        if gateway.of(text) is None:
            raise DeployError(
                "a cluster divides requests by a Gateway, and deploy.gateway names none; set it, "
                "or deploy without STRATEGY"
            )
        if split.role == "shadow":
            raise DeployError(
                "a cluster gives no version a copy of the requests: gateways need not support that "
                "(RequestMirror), and Traefik's then fails all of them; use `deploy.target: podman`"
            )
        candidate = self._kubectl.get("deployment", CANDIDATE)
        if candidate is None:
            raise DeployError(f"the Deployment {CANDIDATE} is gone; run the same command again")
        lease.extend(self._kubectl, datetime.fromisoformat(split.deadline))
        wanted = self._share(split.weight)
        has = candidate["spec"].get("replicas", 1)
        if wanted > has:
            self._scale(wanted)
        self._route.divide(text, CANDIDATE, split)
        if wanted < has:
            self._scale(wanted)

    def divided(self) -> Split | None:
        """Return what the HTTPRoute is annotated with."""
        return self._route.divided()

    def arms(self) -> tuple[Arm, Arm]:
        """Return what the Deployment and the candidate serve."""
        live, second = self.live(), self._kubectl.get("deployment", CANDIDATE)
        if live is None or second is None:
            raise DeployError(f"{manifests.NAME} and {CANDIDATE} must both be there to be compared")
        number = second["spec"]["template"]["metadata"]["annotations"]["mlops/registered.version"]
        return self._arm(live.version, "live"), self._arm(number, "canary")

    def switch(self, text: str) -> tuple[ClusterPod, ...]:
        """Roll the Deployment, then lead all requests there: its new pods are ready by then."""
        self._apply(text)
        self._rolled()
        self._lead(text)
        return self._pods(manifests.registered(text))

    def back(self, text: str | None) -> None:
        """Lead all requests to what was live, then apply it; or remove everything."""
        self._route.unite(text)
        self._remove()
        if text is not None:
            self._apply(text)
            self._rolled()
            self._lead(text)
            return
        ours = f"app.kubernetes.io/name={manifests.NAME}"
        more = [one for one in (gateway.KIND, scaling.KEDA) if self._kubectl.knows(one)]
        kinds = ",".join([*more, KINDS])
        self._kubectl("delete", kinds, "--selector", ours, "--ignore-not-found", seconds=ROLLOUT)

    def finish(self) -> None:
        """Remove the candidate."""
        self._remove()

    def mark(self, record: str) -> None:
        """Annotate the Deployment, not its pods: nothing is rolled for it."""
        self._kubectl("annotate", "deployment", manifests.NAME, f"{RECORD}={record}", "--overwrite")

    def _arm(self, version: str, role: str) -> Arm:
        return Arm(
            version,
            f'environment="{self._environment}",role="{role}",service_version="{version}"',
            "",
        )

    def _share(self, weight: int) -> int:
        """Return how many pods a share of the requests needs, of as many as all of them have."""
        live = self._kubectl.get("deployment", manifests.NAME) or {"spec": {}}
        return max(1, math.ceil(int(live["spec"].get("replicas", 1)) * weight / 100))

    def _scale(self, replicas: int) -> None:
        change = json.dumps({"spec": {"replicas": replicas}})
        self._kubectl("patch", "deployment", CANDIDATE, "--type=merge", f"--patch={change}")
        self._rolled(CANDIDATE)

    def _apply(self, text: str) -> None:
        """Apply all but the route, and leave one autoscaler."""
        found = list(yaml.safe_load_all(text))
        if self._kubectl.knows(scaling.KEDA) and not any(
            o["kind"] == "ScaledObject" for o in found
        ):
            # With the autoscaler that it owns: the one that is applied next is another.
            words = ("--ignore-not-found", "--cascade=foreground")
            self._kubectl("delete", scaling.KEDA, manifests.NAME, *words, seconds=ROLLOUT)
        self._kubectl.apply(yaml.safe_dump_all([o for o in found if o["kind"] != "HTTPRoute"]))

    def _lead(self, text: str) -> None:
        """Lead all requests to the Deployment's Service, as the manifests say."""
        route: Any = gateway.of(text)
        if route is None:
            self._route.remove()
            return
        self._route.unite(text)
        self._route.apply(route)

    def _pods(self, version: str) -> tuple[ClusterPod, ...]:
        selector = f"app.kubernetes.io/name={manifests.NAME},app.kubernetes.io/version={version}"
        found = names(self._kubectl, selector)
        return tuple(ClusterPod(self._kubectl, name) for name in found)

    def _rolled(self, name: str = manifests.NAME) -> None:
        wait = ("rollout", "status", f"deployment/{name}", f"--timeout={ROLLOUT}s")
        self._kubectl(*wait, seconds=ROLLOUT + 60)

    def _remove(self) -> None:
        kinds = "deployment,networkpolicy,service"
        ours = f"app.kubernetes.io/name={CANDIDATE}"
        self._kubectl("delete", kinds, "--selector", ours, "--ignore-not-found", seconds=300)


def candidate(text: str) -> str:
    """Return one pod of these manifests under a name that the Service does not select.

    Where a Gateway may lead to it, it has a Service of its own.
    """
    found = list(yaml.safe_load_all(text))
    routed = ("Service",) if any(one["kind"] == "HTTPRoute" for one in found) else ()
    kinds = ("ConfigMap", "Deployment", "NetworkPolicy", *routed)
    kept = [one for one in found if one["kind"] in kinds]
    label = {"app.kubernetes.io/name": CANDIDATE}
    for one in kept:
        if one["kind"] == "ConfigMap":
            continue  # its name is its content's: both have it
        one["metadata"]["name"] = CANDIDATE
        one["metadata"]["labels"] |= label
        if one["kind"] == "NetworkPolicy":
            one["spec"]["podSelector"]["matchLabels"] |= label
        elif one["kind"] == "Service":
            one["spec"]["selector"] |= label
        else:
            one["spec"]["replicas"] = 1
            one["spec"]["selector"]["matchLabels"] |= label
            one["spec"]["template"]["metadata"]["labels"] |= label | {"mlops/role": "canary"}
    return yaml.safe_dump_all(kept)
