"""The tests of pages would notice: each kind of error in a page is one that fails its test."""

import pytest
from playwright.async_api import Error, Page, Route

from tests.browser.visits import PHONE, Visits, axe, scrolls_sideways, tab_through

POLICY = {"Content-Security-Policy": "default-src 'self'"}


async def _served(page: Page, html: str) -> None:
    async def serve(route: Route) -> None:
        await route.fulfill(body=html, content_type="text/html", headers=POLICY)

    await page.route("**/planted", serve)
    await page.goto("/planted")
    await page.wait_for_load_state("networkidle")


@pytest.mark.parametrize(
    ("html", "noticed"),
    [
        ("<script>1</script>", "Content Security Policy"),
        ("<style>p { color: red }</style>", "Content Security Policy"),
        ("<p style='color: red'>", "Content Security Policy"),
        ("<img src='https://elsewhere.example/x.png'>", "Content Security Policy"),
        ("<link rel=preconnect href='/x'><img src='/static/missing.png'>", "refused"),
    ],
)
async def test_an_error_in_a_page_is_noticed(visits: Visits, html: str, noticed: str) -> None:
    page = await visits.begin()
    await _served(page, f"<!doctype html><title>x</title>{html}")
    assert any(noticed in one for one in visits.wrong), visits.wrong
    visits.wrong.clear()


async def test_a_request_to_elsewhere_is_noticed_and_never_leaves(visits: Visits) -> None:
    page = await visits.begin()
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        await page.goto("https://elsewhere.example/")
    assert any("elsewhere" in one for one in visits.wrong), visits.wrong
    visits.wrong.clear()


async def test_an_error_of_a_script_is_noticed(visits: Visits) -> None:
    page = await visits.begin()
    async with page.expect_event("pageerror"):
        await page.evaluate("() => { setTimeout(() => { throw new Error('planted') }) }")
    assert ["planted" in one for one in visits.wrong] == [True]
    visits.wrong.clear()


async def test_what_axe_finds_fails(visits: Visits) -> None:
    page = await visits.begin()
    await _served(page, "<!doctype html><title>x</title><main><h1>x</h1><img src='/static/icon.svg'></main>")
    with pytest.raises(AssertionError, match=r"(?s)image-alt.*html-has-lang|html-has-lang.*image-alt"):
        await axe(page)


async def test_a_control_that_the_tab_key_does_not_reach_in_order_fails(visits: Visits) -> None:
    page = await visits.begin(**PHONE)
    await page.goto("/")
    await tab_through(page)
    await page.goto("/")
    await page.evaluate("() => { document.querySelector('.foot button').tabIndex = 1 }")
    with pytest.raises(AssertionError):
        await tab_through(page)


async def test_a_page_that_is_wider_than_the_screen_is_noticed(visits: Visits) -> None:
    page = await visits.begin(**PHONE)
    html = "<meta name=viewport content='width=device-width, initial-scale=1'><pre>" + "W" * 99
    await _served(page, f"<!doctype html><title>x</title>{html}")
    assert await scrolls_sideways(page) > 0
