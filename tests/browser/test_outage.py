"""What a page does when the service is not there for a while."""

from playwright.async_api import Route, expect

from tests.browser.site import Site
from tests.browser.visits import PHONE, Visits


async def test_a_place_is_live_again_after_the_proxy_has_said_that_the_service_is_away(
    visits: Visits, site: Site
) -> None:
    link = await site.join(wanted=1)
    page = await visits.begin(**PHONE)
    asked: list[str] = []

    async def away(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            await route.fulfill(status=503, body="away")
        else:
            await route.continue_()

    await page.route("**/live", away)
    await page.goto(link)
    async with page.expect_response(lambda answer: answer.url.endswith("/live") and answer.ok, timeout=20_000):
        pass
    await site.add_stock(1)
    await expect(page.get_by_role("heading", level=1)).to_have_text("It is your turn")
    assert len(asked) >= 2
    assert [one for one in visits.wrong if "(503)" not in one] == []
    visits.wrong.clear()
