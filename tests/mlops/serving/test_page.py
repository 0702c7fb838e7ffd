"""The page at `/` in Chromium, by keyboard alone. Slow."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import browser
import served
from mlops.release import second as second_service

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
SUMMARY = "document.getElementById('summary').textContent"
WARNING = "document.getElementById('warning').textContent"
ERROR = "document.getElementById('error').textContent"
SECOND = "document.getElementById('second').textContent"
NAMES = "JSON.stringify([...document.querySelectorAll('dt')].map(e => e.textContent))"
CELLS = "JSON.stringify([...document.querySelectorAll('td')].map(e => e.textContent))"
MARKS = (
    "JSON.stringify([...document.querySelectorAll('mark')].map(e => [e.textContent, e.className]))"
)
VALUES = "JSON.stringify([...document.querySelectorAll('dd.value')].map(e => e.textContent))"
WIDTHS = (
    "JSON.stringify([...document.querySelectorAll('dd.track')].map("
    "e => Math.round(100 * e.firstChild.offsetWidth / e.offsetWidth)))"
)


@pytest.fixture(name="page")
async def _page(server: served.Server, tmp_path: Path) -> AsyncIterator[browser.Page]:
    async with browser.opened(f"{server.url}/", tmp_path / "profile") as page:
        # Chromium focuses the field some time after the page is complete.
        await page.until("document.activeElement.id === 'text'")
        yield page


async def test_a_sentence_becomes_bars(page: browser.Page, server: served.Server) -> None:
    """Typed where the focus is, sent by Enter; nothing comes from elsewhere or complains."""
    await page.type("the film was good")
    await page.press("Enter")
    await page.until(f"{SUMMARY} !== ''")

    assert await page.run(SUMMARY) == "positive, 79.1 %"
    assert json.loads(await page.run(NAMES)) == ["positive", "negative"]
    assert json.loads(await page.run(VALUES)) == ["79.1 %", "20.9 %"]
    assert json.loads(await page.run(WIDTHS)) == [79, 21]
    assert all(url.startswith((server.url, "data:")) for url in page.requests)
    assert page.complaints == []
    assert (await page.picture()).startswith(b"\x89PNG")


async def test_the_button_is_reached_and_pressed_by_keyboard(page: browser.Page) -> None:
    """Tab, then space."""
    await page.type("bad")
    await page.press("Tab")
    await page.press(" ")
    await page.until(f"{SUMMARY}.startsWith('negative')")


async def test_an_error_is_shown_in_the_services_words(page: browser.Page) -> None:
    """Also after a result, which it replaces; and the next result replaces it."""
    await page.type("good")
    await page.press("Enter")
    await page.until(f"{SUMMARY} !== ''")
    await page.run("document.getElementById('text').value = ' '")
    await page.press("Enter")
    await page.until(f"{ERROR} !== ''")

    assert await page.run(ERROR) == "a text needs at least one visible character"
    assert await page.run(SUMMARY) == ""
    await page.type("good")
    await page.press("Enter")
    await page.until(f"{SUMMARY} !== '' && {ERROR} === ''")


async def test_truncation_is_told(page: browser.Page) -> None:
    """In a sentence."""
    await page.type("film " * 40)
    await page.press("Enter")
    await page.until(f"{SUMMARY} !== ''")

    assert "Only the first 16 tokens were read" in await page.run(WARNING)


async def test_unknown_words_are_told(page: browser.Page) -> None:
    """Above the bars, by name."""
    await page.type("an excellent film")
    await page.press("Enter")
    await page.until(f"{SUMMARY} !== ''")

    warned = "Do not trust this: 2 of 3 words are unknown to the model: an, excellent."
    assert await page.run(WARNING) == warned
    assert await page.run("document.getElementById('warning').checkVisibility()")


async def test_a_model_of_synthetic_data_says_so(page: browser.Page) -> None:
    """Before anything is typed."""
    await page.until("document.getElementById('notice').checkVisibility()")

    assert "synthetic data" in await page.run("document.getElementById('notice').textContent")


async def test_an_example_is_a_click_away(page: browser.Page) -> None:
    """Those of the behaviour tests, the project's own first; none of the data."""
    buttons = "[...document.querySelectorAll('#examples button')]"
    await page.until(f"{buttons}.length === 6")
    texts = json.loads(await page.run(f"JSON.stringify({buttons}.map(e => e.textContent))"))
    await page.run(f"{buttons}[1].click()")
    await page.until(f"{SUMMARY} !== ''")

    assert texts[:2] == ["the film was good", "The plot is superb."]
    assert await page.run("document.getElementById('text').value") == "The plot is superb."


async def test_several_texts_at_once(page: browser.Page) -> None:
    """One a line, where that is asked for; an item with an error says so in its place."""
    await page.run("document.getElementById('lines').click()")
    await page.run("document.getElementById('text').focus()")
    await page.type(f"good\n\nbad\n{'x' * 30_000}")
    await page.press("Tab")
    await page.press(" ")
    await page.until(f"{SUMMARY} === '3 texts'")
    cells = await page.run(
        "JSON.stringify([...document.querySelectorAll('td')].map(e => e.innerText))"
    )
    found = json.loads(cells)

    assert found[:8] == ["good", "positive", "93.5 %", "", "bad", "negative", "93.5 %", ""]
    assert found[9:11] == ["-", ""]
    assert "up to 20000 characters" in found[11]


async def test_a_second_model_is_asked_as_well(
    bento: served.Bento, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another service of this machine, which this page alone may ask; its end is told."""
    first, second = served.free_port(), served.free_port()
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(served, "free_port", iter((second, first)).__next__)
    other = served.serve(
        bento, tmp_path / "second", BENTOML_CONFIG_OPTIONS=second_service.allow(first)
    )
    with other as there:
        named = {"SERVING_SECOND": f"{there.url} champion, version 3"}
        with served.serve(bento, tmp_path / "first", **named) as server:
            async with browser.opened(f"{server.url}/", tmp_path / "profile") as page:
                await page.until("document.activeElement.id === 'text'")
                await page.type("the film was good")
                await page.press("Enter")
                await page.until(f"{SECOND} !== ''")
                found = await page.run(SECOND)
                there.process.terminate()
                there.process.wait()
                await page.press("Enter")
                await page.until(f"{SECOND}.includes('does not answer')")

                assert found.startswith("champion, version 3: positive, 79.1 %")
                assert await page.run(SUMMARY) == "positive, 79.1 %"


async def test_the_words_that_decided_are_marked(page: browser.Page) -> None:
    """Each is left out once, in one request; what spoke against the class is marked otherwise."""
    await page.type("the film was good, not dull; good")
    await page.press("Enter")
    await page.until("document.getElementById('explain').checkVisibility()")
    before = len(page.requests)
    await page.run("document.getElementById('explain').click()")
    await page.until("document.getElementById('reason').textContent !== ''")
    found = [tuple(one) for one in json.loads(await page.run(MARKS))]

    assert [url for url in page.requests[before:] if not url.startswith("data:")] == [
        page.requests[before - 1]
    ]
    assert {("good", ""), ("dull", "against")} <= set(found)
    assert await page.run("document.getElementById('words').textContent") == (
        "the film was good, not dull; good"
    )
    assert await page.run("document.getElementById('reason').textContent") == (
        "The probability of positive: without “good” it falls by 17.4 points; "
        "without “good” it falls by 17.4 points; without “dull” it rises by 15.8 points."
    )


async def test_a_service_that_is_gone_is_told(page: browser.Page) -> None:
    """Not as a page that does nothing."""
    await page.run("fetch = () => Promise.reject(new TypeError('no network'))")
    await page.type("good")
    await page.press("Enter")
    await page.until(f"{ERROR}.startsWith('The service does not answer')")


async def test_assistive_technology_finds_its_way(page: browser.Page) -> None:
    """Field and button have names, errors are alerts, results are announced."""
    tree = (await page.call("Accessibility.getFullAXTree"))["nodes"]
    named = {
        (node["role"]["value"], node.get("name", {}).get("value"))
        for node in tree
        if not node["ignored"]
    }

    assert {("textbox", "Text"), ("button", "Classify"), ("region", "Result")} <= named
    assert ("heading", "Classify a text") in named
    assert "alert" in {role for role, _name in named}
    assert await page.run("document.documentElement.lang") == "en"


async def test_the_page_fits_a_phone(page: browser.Page) -> None:
    """Nothing is cut off at the side of a narrow screen, bars included."""
    await page.screen(width=360, height=640)
    await page.type("the film was good")
    await page.press("Enter")
    await page.until(f"{SUMMARY} !== ''")

    assert await page.run("window.innerWidth") == 360
    assert await page.run(
        "document.documentElement.scrollWidth === document.documentElement.clientWidth"
    )
