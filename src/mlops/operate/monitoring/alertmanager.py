"""Alertmanager's configuration: who hears of what, and what silences what.

Addresses of people hold credentials: they come from the environment or from files, never from
conf/.

Reads: ALERT_URL, HEARTBEAT_URL, or the files that ALERT_URL_FILE and HEARTBEAT_URL_FILE name
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from mlops.core.errors import OperateError
from mlops.operate.monitoring.windows import PAGE, TICKET, written

PEOPLE, HEARTBEAT, NOBODY = "people", "heartbeat", "nobody"
VARIABLES = {PEOPLE: "ALERT_URL", HEARTBEAT: "HEARTBEAT_URL"}
SLACK = "hooks.slack.com"
# With nothing there, what it does in the shares of its requests is no news.
DOWN = "ServiceDown|TargetsVanished"
SILENCED = (
    "AvailabilityBudgetBurn|LatencyBudgetBurn|ProxyBudgetBurn|NoTraffic|TargetDown|QueueFilling"
)


def receivers() -> dict[str, str]:
    """Return the address of each receiver that is known."""
    found = {name: _address(variable) for name, variable in VARIABLES.items()}
    return {name: url for name, url in found.items() if url}


def config(addresses: dict[str, str], factor: float = 1.0) -> dict[str, Any]:
    """Return the configuration; tests shorten its times."""

    def time(seconds: float) -> str:
        return written(seconds * factor)

    people = PEOPLE if PEOPLE in addresses else NOBODY
    heartbeat = HEARTBEAT if HEARTBEAT in addresses else NOBODY
    often = {"group_wait": time(1), "group_interval": time(60), "repeat_interval": time(60)}
    return {
        "route": {
            "receiver": people,
            "group_by": ["environment", "alertname"],
            "group_wait": time(30),
            "group_interval": time(300),
            "repeat_interval": time(4 * 3600),
            "routes": [
                {"matchers": ['alertname="DeadMansSwitch"'], "receiver": heartbeat, **often},
                {"matchers": [f'severity="{PAGE}"'], "receiver": people},
                {
                    "matchers": [f'severity="{TICKET}"'],
                    "receiver": people,
                    "repeat_interval": time(24 * 3600),
                },
            ],
        },
        "inhibit_rules": [
            {
                "source_matchers": [f'alertname=~"{DOWN}"'],
                "target_matchers": [f'alertname=~"{SILENCED}"'],
                "equal": ["environment"],
            },
            {
                "source_matchers": [f'severity="{PAGE}"'],
                "target_matchers": [f'severity="{TICKET}"'],
                "equal": ["environment", "alertname"],
            },
        ],
        "receivers": [{"name": NOBODY}, *(_receiver(*one) for one in addresses.items())],
    }


def tells(path: Path) -> bool:
    """Return whether the configuration in a file has a receiver."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        return any(one["name"] != NOBODY for one in found["receivers"])
    except FileNotFoundError:
        return False


def _receiver(name: str, url: str) -> dict[str, Any]:
    if urlsplit(url).hostname == SLACK:
        line = "{{ .Annotations.summary }} {{ .Annotations.runbook_url }}"
        text = f"{{{{ range .Alerts }}}}{line}\n{{{{ end }}}}"
        return {
            "name": name,
            "slack_configs": [{"api_url": url, "send_resolved": True, "text": text}],
        }
    return {"name": name, "webhook_configs": [{"url": url, "send_resolved": name == PEOPLE}]}


def _address(variable: str) -> str:
    """Return what a variable holds, or the file that its namesake names."""
    url, path = os.environ.get(variable, ""), os.environ.get(f"{variable}_FILE", "")
    if not url and path:
        try:
            url = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise OperateError(
                f"{variable}_FILE: {path} cannot be read: {error.strerror}"
            ) from None
    if url and urlsplit(url).scheme not in ("http", "https"):
        raise OperateError(
            f"{variable}: expected an address that begins with https://, found something else; it "
            "is not shown, because such addresses hold credentials"
        )
    return url
