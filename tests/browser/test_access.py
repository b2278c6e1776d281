"""Every page in every state: axe-core finds nothing, Tab reaches everything, nothing is wider than the screen."""

from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.site import Site
from tests.browser.states import STATES, State
from tests.browser.visits import DESKTOP, FRENCH, PHONE, Visits, axe, scrolls_sideways, tab_through

LONG_WORDS = (
    "list with a crowd", "place, ready", "link, waiting first", "link, ready with a rest", "my lists, ready",
    "dashboard", "dashboard, list", "dashboard, ready entry", "dashboard, statistics", "dashboard, settings",
    "dashboard, team", "dashboard, API keys", "dashboard, notices", "dashboard, tickets", "dashboard, event",
)  # fmt: skip
"""The states with much in a row: German, with the longest words, must fit the smallest phone."""
_FILL = """form => {
  const sent = [...document.querySelectorAll("main form[method=post]")].find(one =>
    Object.keys(form).every(name => one.querySelector(`[name="${name}"]:not(button)`)) &&
    (!form.do || one.elements.do.value === form.do));
  for (const [name, value] of Object.entries(form)) Object.assign(sent.elements[name], { value, checked: true });
  sent.noValidate = true;
  sent.requestSubmit();
}"""


async def shown(page: Page, state: State, path: str) -> None:
    """Loads the page, by a form if that is how it comes about, and awaits what its script does at once."""
    if state.form is None:
        answer = await page.goto(path)
    else:
        answer = await _sent(page, path, state.form)
        if state.then is not None:
            answer = await _filled(page, state.then)
    assert answer is not None
    assert answer.status == state.status
    await page.wait_for_function("document.readyState === 'complete'")


async def _sent(page: Page, path: str, form: dict[str, str]) -> Any:
    await page.goto(path.removesuffix("/change"))
    # A preview is a page of its own where no script shows it in place.
    await page.evaluate("document.querySelectorAll('[data-preview]').forEach(form => delete form.dataset.preview)")
    return await _filled(page, form)


async def _filled(page: Page, form: dict[str, str]) -> Any:
    async with page.expect_navigation() as navigated:
        await page.evaluate(_FILL, form)
    return await navigated.value


@pytest.mark.parametrize("name", STATES)
async def test_everybody_can_use_the_page(visits: Visits, site: Site, name: str) -> None:
    state = STATES[name]
    path = await state.path(site)
    for language, options in (("en", PHONE), ("fr", DESKTOP | FRENCH)):
        page = await visits.begin(state.who, **options)
        await shown(page, state, path)
        assert await page.get_attribute("html", "lang") == (state.language or language)
        assert await scrolls_sideways(page) == 0
        await axe(page)
        if language == "en" and state.form is None:
            await page.reload()
            await tab_through(page)
    if state.form is None and name in LONG_WORDS:
        await page.set_viewport_size({"width": 320, "height": 700})
        await page.get_by_role("button", name="Deutsch").click()
        await page.wait_for_selector("html[lang=de]")
        assert await scrolls_sideways(page) == 0
