"""A cluster: a candidate that no Service knows is tried first, then the Deployment is rolled."""

from contextlib import AbstractContextManager

from mlops.config.schema import Params
from mlops.deployment import lease, manifests
from mlops.deployment.cluster import ClusterPod, Kubectl, names
from mlops.deployment.target import Live

CANDIDATE = f"{manifests.NAME}-candidate"
RECORD = "mlops/record"
ROLLOUT = 1800  # seconds; a pod that gets nowhere is reported after progressDeadlineSeconds


class Kubernetes:
    """The target `kubernetes`."""

    def __init__(self, params: Params) -> None:
        self._kubectl = Kubectl(params.deploy.context)
        self._kubectl.check(params.environment)

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
        """Start one pod of the release that the Service does not select."""
        self._remove()
        self._kubectl.apply(manifests.candidate(text, CANDIDATE))
        return ClusterPod(self._kubectl, selector=f"app.kubernetes.io/name={CANDIDATE}")

    def switch(self, text: str) -> tuple[ClusterPod, ...]:
        """Roll the Deployment: each new pod must be ready before an old one goes."""
        self._kubectl.apply(text)
        self._rolled()
        return self._pods(manifests.registered(text))

    def back(self, text: str | None) -> None:
        """Apply what was live, or remove everything."""
        self._remove()
        if text is not None:
            self._kubectl.apply(text)
            self._rolled()
            return
        kinds = "deployment,service,networkpolicy,poddisruptionbudget,horizontalpodautoscaler"
        ours = f"app.kubernetes.io/name={manifests.NAME}"
        self._kubectl("delete", kinds, "--selector", ours, "--ignore-not-found", seconds=ROLLOUT)

    def finish(self) -> None:
        """Remove the candidate."""
        self._remove()

    def mark(self, record: str) -> None:
        """Annotate the Deployment, not its pods: nothing is rolled for it."""
        self._kubectl("annotate", "deployment", manifests.NAME, f"{RECORD}={record}", "--overwrite")

    def _pods(self, version: str) -> tuple[ClusterPod, ...]:
        selector = f"app.kubernetes.io/name={manifests.NAME},app.kubernetes.io/version={version}"
        found = names(self._kubectl, selector)
        return tuple(ClusterPod(self._kubectl, name) for name in found)

    def _rolled(self) -> None:
        wait = ("rollout", "status", f"deployment/{manifests.NAME}", f"--timeout={ROLLOUT}s")
        self._kubectl(*wait, seconds=ROLLOUT + 60)

    def _remove(self) -> None:
        kinds = "deployment,networkpolicy"
        ours = f"app.kubernetes.io/name={CANDIDATE}"
        self._kubectl("delete", kinds, "--selector", ours, "--ignore-not-found", seconds=300)
