"""Take the pictures of the service's page and of the report that the documents show.

Run: `make serve` in one shell, `python tests/mlops/support/screenshot.py` in another
Writes: docs/images/service.png, docs/images/report.png
"""

import asyncio
import os
import tempfile
from pathlib import Path

import browser

ROOT = Path(__file__).parents[3]
PICTURES = ROOT / "docs" / "images"
TEXT = "Critics say that the film is dull, and I disagree."


async def service(page: browser.Page) -> bytes:
    """Classify a text, ask which words decided, and return what the browser shows."""
    await page.screen(width=760, height=860)
    await page.until("document.getElementById('examples').children.length > 0")
    await page.type(TEXT)
    await page.press("Enter")
    await page.until("!document.getElementById('explain').hidden")
    await page.run("document.getElementById('explain').click()")
    await page.until("document.getElementById('reason').textContent !== ''")
    return await page.picture()


async def report(page: browser.Page) -> bytes:
    """Return the first screen of the report."""
    await page.screen(width=1000, height=900)
    return await page.picture()


async def main() -> None:
    """Open both in a browser and save what it shows."""
    served = f"http://127.0.0.1:{os.environ.get('PORT', '3000')}/"
    written = (ROOT / "reports" / "report.html").as_uri()
    for name, url, take in (("service", served, service), ("report", written, report)):
        with tempfile.TemporaryDirectory() as profile:
            async with browser.opened(url, Path(profile)) as page:
                (PICTURES / f"{name}.png").write_bytes(await take(page))


if __name__ == "__main__":
    asyncio.run(main())
