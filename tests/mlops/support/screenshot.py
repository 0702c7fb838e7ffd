"""Take the picture of the service's page that the documents show.

Run: `make serve` in one shell, `python tests/mlops/support/screenshot.py` in another
Writes: docs/images/service.png
"""

import asyncio
import os
import tempfile
from pathlib import Path

import browser

PICTURE = Path(__file__).parents[3] / "docs" / "images" / "service.png"
TEXT = "Critics say that the film is dull, and I disagree."


async def main() -> None:
    """Classify a text on the page of the running service and save what the browser shows."""
    url = f"http://127.0.0.1:{os.environ.get('PORT', '3000')}/"
    with tempfile.TemporaryDirectory() as profile:
        async with browser.opened(url, Path(profile)) as page:
            await page.screen(width=760, height=440)
            await page.type(TEXT)
            await page.press("Enter")
            await page.until("document.getElementById('summary').textContent !== ''")
            PICTURE.parent.mkdir(exist_ok=True)
            PICTURE.write_bytes(await page.picture())


if __name__ == "__main__":
    asyncio.run(main())
