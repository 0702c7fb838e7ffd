"""The page that the service shows, in Chromium. Slow: `make test-e2e`."""

import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

import toy
from browser import ENTER, Browser, chromium, until
from screenshot import bars, classify

pytestmark = pytest.mark.slow
NARROW = 360  # a phone


@pytest.fixture(name="address", scope="module")
def _address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service as `make serve` starts it, with a model that knows a few words."""
    project = toy.project(tmp_path_factory.mktemp("page") / "project")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    server = subprocess.Popen(
        [sys.executable, "-m", "ml.serve"],
        cwd=project,
        env={**os.environ, "PORT": port, "PYTHONPATH": str(project / "src")},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield until(lambda: ready(f"http://127.0.0.1:{port}/"), "the service is ready")
    finally:
        server.terminate()
        server.wait()


def ready(url: str) -> str:
    """Return the address of a service that can predict, else nothing."""
    try:
        with urllib.request.urlopen(f"{url}readyz", timeout=10):
            return url
    except (urllib.error.URLError, ConnectionError):
        return ""


@pytest.fixture(name="browser")
def _browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def test_a_typed_sentence_shows_probabilities_as_bars(address: str, browser: Browser) -> None:
    """Enter classifies; each class has a bar as long as its probability, the likeliest first."""
    found = classify(browser, address, "the film was great")

    assert [label for label, _, _ in found] == ["positive", "negative"]
    for _, figure, share in found:
        assert abs(percent(figure) - share) < 0.01
    assert percent(found[0][1]) > 0.5
    assert abs(sum(share for _, _, share in found) - 1) < 0.01
    assert browser.run("return document.getElementById('summary').innerText").startswith("positive")


def test_the_button_classifies_what_is_typed_next(address: str, browser: Browser) -> None:
    """Another text changes the bars: they belong to what is in the field."""
    classify(browser, address, "the film was great")
    browser.type("#text", "\ue009a\ue000" + "the film was dull")  # Ctrl+A, then over it
    browser.click("#send")

    browser.until("return document.getElementById('summary').innerText.startsWith('negative')")
    assert [label for label, _, _ in bars(browser)] == ["negative", "positive"]


def test_a_refused_text_is_explained(address: str, browser: Browser) -> None:
    """An empty text brings no bars but the reason, where a screen reader announces it."""
    browser.open(address)
    browser.type("#text", "   " + ENTER)

    said = browser.until("return document.querySelector('[role=alert]').innerText")
    assert "visible character" in said
    assert browser.run("return document.querySelectorAll('#bars dt').length") == 0


def test_a_cut_text_is_told(address: str, browser: Browser) -> None:
    """Who types more than the model reads is told how much it read."""
    classify(browser, address, "the film was good " * 10)

    assert "16 tokens" in browser.run("return document.getElementById('summary').innerText")


def test_the_page_needs_no_other_server(address: str, browser: Browser) -> None:
    """All that it loads comes from the service: it works offline."""
    classify(browser, address, "good")

    loaded = browser.run("return performance.getEntriesByType('resource').map(one => one.name)")
    assert loaded
    assert [name for name in loaded if not name.startswith(address)] == []


def test_the_page_fits_a_phone(address: str) -> None:
    """Nothing is cut off at the side of a narrow window."""
    with chromium(width=NARROW) as browser:
        classify(browser, address, "the film was great")

        assert browser.run("return window.innerWidth") == NARROW
        assert browser.run("return document.documentElement.scrollWidth") <= NARROW


def percent(figure: str) -> float:
    """Return the share that a figure on the page says."""
    number = re.match(r"([\d.]+)\s*%$", figure)
    assert number, figure
    return float(number[1]) / 100
