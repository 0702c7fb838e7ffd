"""The dashboard is as the code says, and can be laid out."""

import json

from common import ROOT
from mlops.operate.monitoring import dashboard


def test_the_file_is_as_the_code_writes_it() -> None:
    """`python -m mlops.operate.monitoring.dashboard` writes it."""
    assert (ROOT / dashboard.PATH).read_text(encoding="utf-8") == dashboard.text()


def test_no_panel_covers_another() -> None:
    """Each has a number of its own, and a place within 24 columns."""
    panels = json.loads(dashboard.text())["panels"]
    places = [one["gridPos"] for one in panels]
    cells = [
        (x, y)
        for p in places
        for x in range(p["x"], p["x"] + p["w"])
        for y in range(p["y"], p["y"] + p["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert len({one["id"] for one in panels}) == len(panels)
