"""The dashboard as JSON that Grafana imports, one for all environments.

Run: `python -m mlops.operate.monitoring.dashboard` writes deploy/grafana/dashboard.json
"""

import json
from pathlib import Path
from typing import Any

from mlops.core.errors import run
from mlops.operate.monitoring.panels import ROWS, Panel
from mlops.operate.monitoring.promql import PREFIX

PATH = Path("deploy/grafana/dashboard.json")
SCHEMA = 39
COLUMNS, WIDTH, HEIGHT = 3, 8, 8  # of a grid of 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def main() -> None:
    """Write the file."""
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(text(), encoding="utf-8")


def text() -> str:
    """Return the file."""
    return json.dumps(dashboard(), indent=1) + "\n"


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    return {
        "uid": "mlops-model-server",
        "title": "Model server",
        "tags": ["mlops"],
        "schemaVersion": SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "1m",
        "templating": {"list": [_source(), _environment()]},
        "panels": _panels(),
    }


def _panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    top = 0
    for title, panels in ROWS.items():
        place = {"x": 0, "y": top, "w": 24, "h": 1}
        found.append(
            {"id": len(found) + 1, "type": "row", "title": title, "collapsed": False,
             "gridPos": place, "panels": []}
        )  # fmt: skip
        for number, panel in enumerate(panels):
            row, column = divmod(number, COLUMNS)
            place = {"x": column * WIDTH, "y": top + 1 + row * HEIGHT, "w": WIDTH, "h": HEIGHT}
            found.append(_panel(panel, len(found) + 1, place))
        top += 1 + HEIGHT * -(-len(panels) // COLUMNS)
    return found


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + n), "datasource": SOURCE, "expr": expr, "legendFormat": legend}
        for n, (expr, legend) in enumerate(panel.lines)
    ]
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": targets,
    }


def _source() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
    }


def _environment() -> dict[str, Any]:
    query = f"label_values({PREFIX}_model_info, environment)"
    return {
        "name": "environment",
        "label": "Environment",
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": "environment"},
        "definition": query,
        "refresh": 2,
        "sort": 1,
    }


if __name__ == "__main__":
    run(main)
