"""The page of `dvc plots`, which needs no network."""

import base64
import configparser
import gzip
import re
from pathlib import Path

import pytest
from dvc_render import VegaRenderer
from dvc_render.html import render_html

import browser
from common import ROOT

PAGE = ROOT / ".dvc" / "plots.html"


def unpack(page: str) -> str:
    """Return the scripts that the page carries."""
    (packed,) = re.findall(r'<script id="packed" type="text/plain">(.*?)</script>', page, re.S)
    return gzip.decompress(base64.b64decode(packed)).decode()


def test_dvc_is_told_of_the_page() -> None:
    """It may be committed, and loads nothing."""
    config = configparser.ConfigParser()
    config.read(ROOT / ".dvc" / "config")
    text = PAGE.read_text()

    assert config["plots"]["html_template"] == PAGE.name
    assert PAGE.stat().st_size < 500_000
    assert "{plot_divs}" in text
    assert "{scripts}" not in text
    assert not re.search(r"src=|href=|https?://", text)


def test_it_carries_the_releases_that_dvc_asks_for() -> None:
    """A newer DVC may write what an older Vega does not draw."""
    asked = re.findall(r"/(vega[\w-]*)@([\d.]+)", VegaRenderer.SCRIPTS)
    named = re.findall(r"(vega[\w-]*) (\d+\.\d+\.\d+)", PAGE.read_text())
    scripts = unpack(PAGE.read_text())

    assert sorted(named) == sorted(asked)
    assert all(f'"{version}"' in scripts for _, version in asked)


@pytest.mark.slow
@pytest.mark.anyio
async def test_a_plot_is_drawn_without_a_network(tmp_path: Path) -> None:
    """As DVC fills the page, in Chromium."""
    rows = [{"step": n, "loss": 1 / n, "rev": rev} for n in (1, 2, 3) for rev in ("HEAD", "new")]
    plot = VegaRenderer(rows, "loss.csv", x="step", y="loss", template="linear")
    page = tmp_path / "index.html"
    render_html([plot], page, html_template=PAGE)

    async with browser.opened(page.as_uri(), tmp_path / "profile") as opened:
        await opened.until("document.querySelector('.vega-embed canvas, .vega-embed svg') !== null")

        assert opened.complaints == []
        assert all(url.startswith(("file:", "blob:", "data:")) for url in opened.requests)
