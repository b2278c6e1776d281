"""Passkeys in a real browser, with its virtual authenticator."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio
from playwright.async_api import Page, expect
from pydantic import SecretStr

from tests.browser.site import KEPT, Site
from tests.browser.visits import PHONE, Visits, axe, scrolls_sideways, tab_through
from tests.pages.test_members import link_of, member
from tests.support.shop import Shop, bound_to_loopback, listening
from waiting_list.app import create_app
from waiting_list.settings import Settings

ACCOUNT = "/dashboard/account"
SIGN_IN = "/dashboard/sign-in"


@pytest_asyncio.fixture
async def site(dsn: str, tmp_path: Path) -> AsyncIterator[Site]:
    """The service at localhost, because browsers have no passkeys at an IP address."""
    with bound_to_loopback() as bound:
        address = f"http://localhost:{bound.getsockname()[1]}"
        app = create_app(Settings(database_url=SecretStr(dsn), mail_folder=tmp_path, public_url=address))
        client = httpx.AsyncClient(base_url=address, trust_env=False, limits=KEPT)
        async with app.router.lifespan_context(app), listening(app, bound), client:
            yield Site(app, Shop(client, ""), address, tmp_path)


async def with_authenticator(page: Page) -> None:
    """Give the browser of a page a device that verifies its user at once."""
    debugger = await page.context.new_cdp_session(page)
    await debugger.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    await debugger.send("WebAuthn.addVirtualAuthenticator", {"options": options})


async def test_a_member_adds_a_passkey_signs_in_with_it_and_removes_it(visits: Visits, site: Site) -> None:
    page = await visits.begin(**PHONE)
    await with_authenticator(page)
    await page.goto(await link_of(site.app, await member(site.app)))
    await page.get_by_role("button", name="Accept the invitation").click()
    await page.goto(ACCOUNT)
    await page.get_by_label("Name of the passkey").fill("My phone")
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_role("status")).to_have_text("The passkey is added. Sign in with it next time.")
    row = page.get_by_role("listitem").filter(has_text="My phone")
    await expect(row).to_contain_text("not used yet")
    await axe(page)
    assert not await scrolls_sideways(page)
    has_one = page.get_by_text("This device has a passkey for you already.")
    failed = page.get_by_text("The browser used no passkey. Try again.")
    await expect(has_one.or_(failed).filter(visible=True)).to_have_count(0)
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(has_one).to_be_visible()
    await expect(failed).to_be_hidden()
    await page.reload()
    await tab_through(page)

    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url(f"**{SIGN_IN}")
    await axe(page)
    await expect(has_one.or_(failed).filter(visible=True)).to_have_count(0)
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await page.wait_for_url("**/dashboard")
    await page.goto(ACCOUNT)
    await expect(row).to_contain_text("last used")
    await row.get_by_role("button", name="Remove").click()
    await expect(page.get_by_role("status")).to_contain_text("The passkey is removed")

    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await expect(page.get_by_role("alert").filter(has_text="This passkey did not sign you in.")).to_be_visible()
    await axe(page)
    await page.goto("/dashboard")
    await page.wait_for_url(f"**{SIGN_IN}?next=**")


async def test_elsewhere_and_without_scripts_there_is_no_button(visits: Visits, site: Site) -> None:
    elsewhere = site.address.replace("localhost", "127.0.0.1")
    page = await visits.begin()
    await page.goto(f"{elsewhere}{SIGN_IN}")
    await expect(page.get_by_text("Passkeys work at the public address only:")).to_be_visible()
    await expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    visits.wrong.clear()  # it is elsewhere
    page = await visits.begin(java_script_enabled=False)
    await page.goto(SIGN_IN)
    await expect(page.get_by_role("button", name="Email me a link")).to_be_visible()
    await expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
