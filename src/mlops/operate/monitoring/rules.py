"""Write the Prometheus rules of an environment, Alertmanager's configuration, and their manifests.

Reads: ENV, conf/ (objectives, monitoring, canary), ALERT_URL and HEARTBEAT_URL or the files that
ALERT_URL_FILE and HEARTBEAT_URL_FILE name
Writes: reports/monitoring/<environment>/
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mlops.config.schema import Params
from mlops.core.errors import run
from mlops.operate.monitoring import alertmanager, alerts, increases, scraping
from mlops.operate.monitoring.windows import DAY, Windows, written
from mlops.pipeline.compose import asked

FOLDER = Path("reports/monitoring")
HEAD = "# Written by `make rules ENV={}` from conf/: change that, and run it again.\n"


def main() -> None:
    """Write the files, and say what they are for."""
    made = generate(asked())
    if not alertmanager.receivers():
        sys.stdout.write(
            "nobody receives the alerts: set ALERT_URL (docs/operate.md), and run it again\n"
        )
    sys.stdout.write("".join(f"{path}\n" for path in made))


def generate(params: Params) -> list[Path]:
    """Write the files; return where they are."""
    folder = FOLDER / params.environment
    config = alertmanager.config(alertmanager.receivers())
    made = {**files(params), "alertmanager.yml": config}
    for name, value in made.items():
        write(folder / name, text(value, params.environment), name == "alertmanager.yml")
    return [folder / name for name in made]


def files(params: Params) -> dict[str, Any]:
    """Return what is written, by file, but for what holds addresses of people."""
    found = groups(params, windows(params))
    return {
        "rules.yml": found,
        "prometheus-rule.yaml": scraping.prometheus_rule(params.environment, found),
        "pod-monitor.yaml": scraping.pod_monitor(params.environment),
    }


def windows(params: Params) -> Windows:
    """Return the windows that the configuration asks for."""
    canary = params.canary
    return Windows(
        idle=60.0 * params.monitoring.idle_minutes,
        stale=float(DAY * params.monitoring.stale_days),
        canary=float(len(canary.steps) * canary.step_seconds + params.deploy.start_seconds),
    )


def groups(params: Params, windows: Windows) -> dict[str, Any]:
    """Return the rules as Prometheus reads them; the same configuration gives the same rules."""
    environment, objectives = params.environment, params.objectives
    recorded = list(increases.records(environment, objectives, windows))
    watched = [
        one.rule(environment, params.monitoring.runbook)
        for one in alerts.alerts(environment, objectives, windows)
    ]
    return {"groups": [*_group(f"{environment}-records", recorded, windows),
                       *_group(f"{environment}-alerts", watched, windows)]}  # fmt: skip


def _group(name: str, rules: list[dict[str, Any]], windows: Windows) -> Iterator[dict[str, Any]]:
    yield {"name": f"mlops-{name}", "interval": written(windows.tick), "rules": rules}


def text(value: Any, environment: str, head: str = HEAD) -> str:
    """Return a file."""
    body = yaml.safe_dump(value, sort_keys=False, width=10_000, allow_unicode=True)
    return head.format(environment) + body


def write(path: Path, content: str, secret: bool = False) -> None:
    """Write a file whole or not at all; one that holds an address is its owner's alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.touch(mode=0o600 if secret else 0o644)
    part.write_text(content, encoding="utf-8")
    part.replace(path)


if __name__ == "__main__":
    run(main)
