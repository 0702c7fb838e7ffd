"""Make an accepted version live, at once or as a canary (STRATEGY=canary).

Reads: ENV, VERSION, WHY, STRATEGY, ALLOW_SHIFT, conf/ (canary, objectives, monitoring), the
    environment's registry, Prometheus
Writes: what `mlops.deployment.deploy` writes
"""

import os

from mlops.config.schema import Params
from mlops.core.errors import OperateError, run
from mlops.deployment import deploy
from mlops.deployment.mover import Mover
from mlops.deployment.rollout import Rollout
from mlops.deployment.smoke_test import Pod
from mlops.operate import prometheus
from mlops.operate.progressive import held_out
from mlops.operate.progressive.canary import Canary
from mlops.operate.prometheus import Prometheus
from mlops.pipeline.compose import asked
from mlops.release.versions import history
from mlops.release.versions.history import CANARY
from mlops.release.versions.registry import Version


def main() -> None:
    """Deploy the version that VERSION names by the strategy that STRATEGY names."""
    params = asked()
    strategy = os.environ.get("STRATEGY") or ""
    if strategy not in ("", CANARY):
        raise OperateError(
            f"STRATEGY: expected canary, or nothing to give a version all of the traffic at once; "
            f"found {strategy}"
        )
    rollout = Rollout(params)
    if not strategy:
        deploy.deploy(params, rollout)
        return
    canary = prepare(params, rollout)

    def analyse(version: Version, text: str, pod: Pod) -> str:
        """Ask held-out rows first, then judge on live traffic."""
        known = held_out.rows(rollout.registry, version)
        agreed = held_out.check(pod, known, params.export.labels_agree)
        return f"{agreed}; {canary.run(version.number, text, pod)}"

    deploy.deploy(params, rollout, CANARY, analyse)


def prepare(params: Params, rollout: Rollout) -> Canary:
    """Return what judges; refuse what it could only refuse later, after the image was built."""
    if not isinstance(rollout.target, Mover):
        raise OperateError(f"deploy.target {params.deploy.target} cannot divide its traffic")
    allow = os.environ.get("ALLOW_SHIFT") or ""
    if allow and not os.environ.get("WHY"):
        raise OperateError(
            "ALLOW_SHIFT=1 accepts that a version predicts other classes than what is live; say "
            'why, for the record: WHY="..."'
        )
    asked_for = Prometheus(prometheus.address(params))
    asked_for.vector("vector(1)")  # refused here where nobody answers
    if not rollout.target.live():
        raise OperateError(
            f"nothing is live in {params.environment}, so there is nothing to compare a canary "
            "with; deploy the first version without STRATEGY=canary"
        )
    return Canary(
        rollout.target,
        asked_for,
        params,
        lambda: history.stopped(rollout.registry.notes()),
        bool(allow),
    )


if __name__ == "__main__":
    run(main)
