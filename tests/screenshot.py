"""Take the picture of the service's page that the documents show.

Run: `make serve` in one shell, `python tests/screenshot.py` in another
Writes: docs/images/service.png
"""

import os

from browser import ENTER, Browser, chromium
from conftest import ROOT

PICTURE = ROOT / "docs" / "images" / "service.png"
TEXT = "Critics say that the film is dull, and I disagree."


def classify(browser: Browser, url: str, text: str) -> list[tuple[str, str, float]]:
    """Type a text into the page; return each bar: label, figure and width as a share."""
    browser.open(url)
    browser.type("#text", text + ENTER)
    return bars(browser)


def bars(browser: Browser) -> list[tuple[str, str, float]]:
    """Wait for the bars and return what a person sees of each."""
    found = browser.until(
        """
        const shown = css => [...document.querySelectorAll("#bars " + css)];
        const width = bar => bar.getBoundingClientRect().width;
        const [names, tracks, figures] = ["dt", "dd.track", "dd.value"].map(shown);
        return names.map((name, at) => [
          name.innerText, figures[at].innerText,
          width(tracks[at].firstElementChild) / width(tracks[at]),
        ]);
        """
    )
    return [(str(name), str(figure), float(share)) for name, figure, share in found]


def main() -> None:
    """Classify a text on the page of the running service and save what the browser shows."""
    with chromium(width=760, height=520) as browser:
        classify(browser, f"http://127.0.0.1:{os.environ.get('PORT', '3000')}/", TEXT)
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_bytes(browser.screenshot())


if __name__ == "__main__":
    main()
