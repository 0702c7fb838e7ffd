"""How this machine runs Prometheus and Alertmanager: podman's images, else installed programs."""

from mlops.config.schema import Params
from mlops.core.errors import OperateError
from mlops.operate.monitoring.pods import Pods
from mlops.operate.monitoring.programs import Programs
from mlops.operate.monitoring.servers import Servers


def find(params: Params) -> Servers | None:
    """Return what runs; None where nothing does."""
    both: tuple[Servers, ...] = (Pods(params), Programs(params))
    return next((one for one in both if one.running()), None)


def choose(params: Params) -> Servers:
    """Return what runs, else what can be run."""
    if found := find(params):
        return found
    pods, programs = Pods(params), Programs(params)
    if not (no_image := pods.missing()):
        return pods
    if not (no_program := programs.missing()):
        return programs
    raise OperateError(
        f"there is nothing to watch with. Images: {no_image}. Programs: {no_program} not on the "
        "PATH. Either is enough: `podman load` the images that monitoring.prometheus_image and "
        "monitoring.alertmanager_image name, or install the programs (Debian: apt-get install "
        "prometheus prometheus-alertmanager)"
    )
