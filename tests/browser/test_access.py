"""Every page in every state: axe-core finds nothing, the Tab key reaches everything, a phone need not scroll sideways."""

from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.site import Site
from tests.browser.states import STATES, State
from tests.browser.visits import DESKTOP, FRENCH, PHONE, Visits, axe, scrolls_sideways, tab_through


async def shown(page: Page, state: State, path: str) -> None:
    """Loads the page, by a form if that is how it comes about, and awaits what its script does at once."""
    if state.form is None:
        answer = await page.goto(path)
    else:
        answer = await _sent(page, path, state.form)
    assert answer is not None
    assert answer.status == state.status
    await page.wait_for_function("document.readyState === 'complete'")


async def _sent(page: Page, path: str, form: dict[str, str]) -> Any:
    await page.goto(path.removesuffix("/change"))
    fill = """form => {
      const named = name => [...document.querySelectorAll("main form[method=post]")].filter(one => one.elements[name]);
      const [sent] = Object.keys(form).reduce((left, name) => left.filter(one => named(name).includes(one)), named(
        Object.keys(form)[0])).filter(one => !form.do || one.elements.do.value === form.do);
      for (const [name, value] of Object.entries(form)) sent.elements[name].value = value;
      sent.noValidate = true;
      sent.requestSubmit();
    }"""
    async with page.expect_navigation() as navigated:
        await page.evaluate(fill, form)
    return await navigated.value


@pytest.mark.parametrize("name", STATES)
async def test_axe_finds_nothing_in_english_on_a_phone(visits: Visits, site: Site, name: str) -> None:
    state = STATES[name]
    path = await state.path(site)
    page = await visits.begin(state.who, **PHONE)
    await shown(page, state, path)
    assert await page.get_attribute("html", "lang") == "en"
    assert await scrolls_sideways(page) == 0
    await axe(page)
    if state.form is None:
        await page.reload()
        await tab_through(page)


@pytest.mark.parametrize("name", STATES)
async def test_axe_finds_nothing_in_french_on_a_desktop(visits: Visits, site: Site, name: str) -> None:
    state = STATES[name]
    path = await state.path(site)
    page = await visits.begin(state.who, **DESKTOP, **FRENCH)
    await shown(page, state, path)
    assert await page.get_attribute("html", "lang") == "fr"
    assert await scrolls_sideways(page) == 0
    await axe(page)
