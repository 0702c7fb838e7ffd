"""Watch an environment: Prometheus and Alertmanager on one machine; on a cluster, what to apply.

Reads: ENV, STOP, conf/ (objectives, monitoring, canary), what the target runs, Prometheus;
    ALERT_URL and HEARTBEAT_URL or the files that ALERT_URL_FILE and HEARTBEAT_URL_FILE name
Writes: the volume <environment>-watch or .runs/watch/<environment>; on a cluster
    reports/monitoring/<environment>/
"""

import os
import sys

from mlops.config.schema import Params
from mlops.core.errors import OperateError, run
from mlops.operate import prometheus
from mlops.operate.monitoring import alertmanager, rules, scraping, servers, trouble
from mlops.operate.monitoring.here import choose, find
from mlops.operate.monitoring.servers import ALERTMANAGER, Servers
from mlops.operate.prometheus import Prometheus
from mlops.pipeline.compose import asked

NOBODY = "nobody receives the alerts: set ALERT_URL (docs/operate.md), and run it again"
KEPT = "ALERT_URL is not set: alerts go where they went before"


def main() -> None:
    """Start, refresh or stop what watches, and say what is wrong now."""
    params = asked()
    stop = bool(os.environ.get("STOP"))
    if params.deploy.target == "none":
        raise OperateError(
            f"{params.environment} deploys nothing, so there is nothing to watch; type "
            "make watch ENV=qa"
        )
    if params.deploy.target == "kubernetes":
        _say(*_on_cluster(params))
    elif stop:
        _say(_end(params))
        return
    elif not params.monitoring.prometheus:
        _say(*_begin(params))
    if params.deploy.target == "podman" or params.monitoring.prometheus:
        server = Prometheus(prometheus.address(params))
        _say(f"prometheus   {server.url}", *trouble.lines(server, params.environment))


def _begin(params: Params) -> list[str]:
    """Start both servers, or give them what has changed."""
    chosen = choose(params)
    notes = write(chosen, params)
    started = servers.start(chosen, params)
    address = f"http://127.0.0.1:{servers.ports(params)[ALERTMANAGER]}"
    does = "started" if started else "runs, and has read its configuration again"
    return [f"watch        {chosen}: {does}", f"alertmanager {address}", *notes]


def _end(params: Params) -> str:
    found = find(params)
    if not found:
        return f"nothing watches {params.environment} on this machine"
    found.stop()
    return f"stopped: {found}; what it has measured stays"


def _on_cluster(params: Params) -> list[str]:
    made = {path.name: path for path in rules.generate(params)}
    words = [
        f"kubectl apply -f {made['pod-monitor.yaml']} -f {made['prometheus-rule.yaml']}",
        "that is for the Prometheus operator; another Prometheus finds the pods by their "
        f"annotations, and reads {made['rules.yml']}",
        f"alertmanager: {made['alertmanager.yml']}",
    ]
    if not params.monitoring.prometheus:
        words.append(
            "what is wrong now is not known here: set monitoring.prometheus in "
            f"conf/env/{params.environment}.yaml to where it runs"
        )
    return words


def write(chosen: Servers, params: Params) -> list[str]:
    """Write what both servers read; return what a person should know of it."""
    here, folder = params.environment, chosen.folder
    at = f"127.0.0.1:{servers.ports(params)[ALERTMANAGER]}"
    config = scraping.on_machine(params, chosen.targets, at)
    files = {"rules.yml": rules.files(params)["rules.yml"], "prometheus.yml": config}
    receivers, before = alertmanager.receivers(), folder / "alertmanager.yml"
    notes = [] if receivers else [KEPT if alertmanager.tells(before) else NOBODY]
    if KEPT not in notes:
        files["alertmanager.yml"] = alertmanager.config(receivers)
    for name, value in files.items():
        rules.write(folder / name, rules.text(value, here), name == "alertmanager.yml")
    return notes


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    run(main)
