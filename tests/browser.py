"""A headless Chromium that a test drives, by the WebDriver protocol of Debian's chromium-driver."""

import base64
import contextlib
import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, cast

WITHOUT_SANDBOX = "--no-sandbox"  # as root Chromium refuses to run with it
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key that W3C gave to references
LIMIT = 20.0  # seconds
ENTER = "\ue007"  # WebDriver's code of the key


class Browser:
    """A session: pages are opened, elements found by CSS, keys typed."""

    def __init__(self, session: str) -> None:
        self.session = session

    def open(self, url: str) -> None:
        """Open a page and wait until it has loaded."""
        _send(f"{self.session}/url", {"url": url})

    def type(self, css: str, keys: str) -> None:
        """Type into an element as a person does, key by key."""
        _send(f"{self.session}/element/{self._find(css)}/value", {"text": keys})

    def click(self, css: str) -> None:
        """Click an element; one that is covered or hidden is an error."""
        _send(f"{self.session}/element/{self._find(css)}/click", {})

    def run(self, script: str) -> Any:
        """Return what a script returns in the page."""
        return _send(f"{self.session}/execute/sync", {"script": script, "args": []})

    def until(self, script: str) -> Any:
        """Ask until the script returns something true, and return that."""
        return until(lambda: self.run(script), script)

    def screenshot(self) -> bytes:
        """Return the window as a PNG."""
        return base64.b64decode(cast("str", _send(f"{self.session}/screenshot", None)))

    def _find(self, css: str) -> str:
        found = _send(f"{self.session}/element", {"using": "css selector", "value": css})
        return cast("str", found[ELEMENT])


@contextlib.contextmanager
def chromium(width: int = 800, height: int = 600) -> Iterator[Browser]:
    """Start a browser that knows no network but loopback, and end it afterwards."""
    driver = subprocess.Popen(
        ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        address = f"http://127.0.0.1:{_port(driver)}"
        arguments = [
            "--headless=new", WITHOUT_SANDBOX, "--disable-gpu", "--disable-dev-shm-usage",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ]  # fmt: skip
        # A real window of Chromium is never narrower than 500 pixels.
        screen = {
            "width": width,
            "height": height,
            "pixelRatio": 1,
            "mobile": False,
            "touch": False,
        }
        chosen = {"args": arguments, "mobileEmulation": {"deviceMetrics": screen}}
        wanted = {"browserName": "chrome", "goog:chromeOptions": chosen}
        made = _send(f"{address}/session", {"capabilities": {"alwaysMatch": wanted}})
        session = f"{address}/session/{made['sessionId']}"
        try:
            yield Browser(session)
        finally:
            _ask(urllib.request.Request(session, method="DELETE"))  # ends Chromium
    finally:
        driver.terminate()
        driver.wait()


def until(found: Callable[[], Any], what: str) -> Any:
    """Ask until something true is found, and return it."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        value = found()
        if value:
            return value
    raise AssertionError(f"expected within {LIMIT:.0f} s: {what}")


def _port(driver: "subprocess.Popen[str]") -> str:
    assert driver.stdout
    for line in driver.stdout:
        if port := re.search(r"started successfully on port (\d+)", line):
            return port[1]
    raise AssertionError("chromedriver did not start; install it: apt-get install chromium-driver")


def _send(url: str, body: dict[str, Any] | None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    return _ask(urllib.request.Request(url, data, {"Content-Type": "application/json"}))


def _ask(request: urllib.request.Request) -> Any:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=LIMIT * 3) as answer:
        return json.load(answer)["value"]
