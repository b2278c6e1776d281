"""The service below a path, in a real browser, behind a proxy that has other things beside the path."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import expect
from pydantic import SecretStr

from tests.browser.site import DASHBOARD, KEPT, PAGE, PLACE, Site
from tests.browser.visits import Visits
from tests.support.below_path import PATH, path_proxy
from tests.support.shop import ORGANIZATION, Shop, bound_to_loopback, listening
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.app import create_app
from waiting_list.demo.data import load_demo
from waiting_list.settings import Settings


@pytest_asyncio.fixture(params=["passed on", "stripped"])
async def site(request: pytest.FixtureRequest, dsn: str, tmp_path: Path) -> AsyncIterator[Site]:
    """The service with the demo, below a path."""
    with bound_to_loopback() as bound:
        async with path_proxy(bound.getsockname()[1], strips=request.param == "stripped") as proxy:
            address = f"http://127.0.0.1:{proxy.port}{PATH}"
            given = {"database_url": SecretStr(dsn), "mail_folder": tmp_path, "public_url": address, "demo": True}
            app = create_app(Settings(**given))  # type: ignore[arg-type]
            async with app.router.lifespan_context(app), listening(app, bound):
                service = app.state.service
                await load_demo(service.pool, service.settings, address)
                key, _ = await create_api_key(service.pool, ORGANIZATION, name="tests", scopes=[Scope.ADMIN])
                async with httpx.AsyncClient(base_url=address, trust_env=False, limits=KEPT) as client:
                    shop = Shop(client, key.key)
                    await shop.stock()
                    yield Site(app, shop, address, tmp_path)
        assert proxy.strays == []


async def test_a_fan_signs_in_by_link_joins_and_is_served_by_the_dashboard(site: Site, visits: Visits) -> None:
    fan = await visits.begin()
    await fan.goto(f"{site.address}{PAGE}")
    await fan.get_by_role("link", name="Already on this list? Sign in").click()
    await fan.get_by_label("Email address").fill("ada@fans.example")
    await fan.get_by_role("button", name="Send me the link").click()
    await fan.goto(f"{site.address}/mails/{await site.mail('/sign-in/')}")
    await fan.locator(f"pre a[href^='{site.address}/sign-in/']").click()
    await fan.get_by_role("button", name="Sign in").click()
    await expect(fan).to_have_url(f"{site.address}{PAGE}")
    await fan.get_by_label("Tickets").fill("2")
    await fan.get_by_role("button", name="Join").click()
    await expect(fan).to_have_url(f"{site.address}{PLACE}")
    await expect(fan.get_by_text("You are next in line.")).to_be_visible()
    assert {cookie["path"] for cookie in await fan.context.cookies()} == {PATH}

    organizer = await visits.begin()
    await organizer.goto(f"{site.address}{DASHBOARD}")
    await organizer.get_by_text("Sign in with an API key").click()
    await organizer.get_by_label("API key").fill(site.shop.key)
    await organizer.get_by_role("button", name="Sign in").click()
    await organizer.get_by_label("Return tickets").fill("2")
    await organizer.get_by_role("button", name=re.compile("^Preview.*Return tickets")).click()
    await organizer.get_by_role("button", name="Return 2 tickets").click()
    await expect(organizer.get_by_role("status")).to_contain_text("2 tickets returned.")
    # The stream of the page, and the page that it asks for anew.
    await expect(fan.get_by_role("heading", level=1)).to_have_text("It is your turn")
    await fan.get_by_role("button", name="Sign out").click()
    await expect(fan).to_have_url(f"{site.address}/")


async def test_the_widget_joins_and_leads_to_the_checkout(site: Site, visits: Visits) -> None:
    fan = await visits.begin()
    await fan.goto(f"{site.address}/demo/shop")
    await fan.get_by_label("You are").select_option("ines")
    await fan.get_by_role("button", name="Change", exact=True).first.click()
    await fan.get_by_role("button", name="Buy now").or_(fan.get_by_role("link", name="Buy now")).first.click()
    await expect(fan).to_have_url(re.compile(rf"^{site.address}/demo/checkout\?pass="))
    await fan.get_by_role("button").first.click()
    await expect(fan).to_have_url(re.compile(rf"^{site.address}/demo/thanks"))
    # On the other lists of the shop this fan does not wait.
    visits.wrong = [line for line in visits.wrong if not re.match(r"refused: \S+/entry \(404\)", line)]


async def test_calls_are_tried_out_on_the_page_of_the_api(site: Site, visits: Visits) -> None:
    page = await visits.begin()
    page.set_default_timeout(60_000)  # Swagger UI is slow where the machine is busy
    await page.goto(f"{site.address}/docs")
    await page.locator("#operations-Operations-get_version .opblock-summary-control").click()
    await page.get_by_role("button", name="Try it out").click()
    await page.get_by_role("button", name="Execute").click()
    await expect(page.locator(".live-responses-table tr.response .response-col_status")).to_contain_text(
        "200", timeout=60_000
    )
    await expect(page.locator(".request-url")).to_contain_text(f"{site.address}/version")
