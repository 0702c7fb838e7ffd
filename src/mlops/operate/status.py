"""Show what is deployed in an environment, and what its Prometheus warns of.

Reads: ENV, conf/, the environment's registry, what the target runs, Prometheus
Writes: what `mlops.deployment.status` writes; its exit code
"""

import sys
from collections.abc import Iterator

from mlops.config.schema import Params
from mlops.core.errors import OperateError, run
from mlops.deployment import status
from mlops.operate import prometheus
from mlops.operate.monitoring import trouble
from mlops.operate.prometheus import Prometheus
from mlops.pipeline.compose import asked


def main() -> None:
    """Print the table and what fires; raise DeployError where something is wrong."""
    params = asked()
    try:
        status.main()
    finally:
        sys.stdout.write("".join(f"{line}\n" for line in _alerts(params)))


def _alerts(params: Params) -> Iterator[str]:
    """Yield what fires; that nobody watches is a fact, and no trouble."""
    configured, local = params.monitoring.prometheus, params.deploy.target == "podman"
    if not configured and not local:
        yield f"{'alerts':{status.WIDTH}} not asked: monitoring.prometheus is not set"
        return
    server = Prometheus(prometheus.address(params))
    try:
        if configured or trouble.watched(server, params.environment) is not None:
            yield from trouble.lines(server, params.environment)
            return
    except OperateError as error:
        if configured:
            yield f"{'alerts':{status.WIDTH}} unknown: {error}"
            return
    yield f"{'alerts':{status.WIDTH}} not watched on this machine (make watch)"


if __name__ == "__main__":
    run(main)
