"""The demo's shop over HTTP: there only where the demo is, and a purchase from the widget's page to the thanks."""

import re
from collections.abc import AsyncIterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr

from tests.notifications.test_email_rendering import Parsed
from waiting_list.app import create_app
from waiting_list.demo.data import load_demo
from waiting_list.demo.shop import FANS
from waiting_list.page_addresses import CHECKOUT, SHOP
from waiting_list.settings import Settings

PUBLIC = "http://127.0.0.1:8123"
JAZZ = "/v1/user/waiting-lists/wl-demo-jazz-floor/wl-demo-jazz-fri/entry"
PATHS = [SHOP, CHECKOUT, "/demo/thanks", "/demo/token?fan=you"]


@pytest_asyncio.fixture
async def browser(dsn: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on a service with the demo."""
    app = create_app(Settings(database_url=SecretStr(dsn), worker=False, demo=True, public_url=PUBLIC))
    async with app.router.lifespan_context(app):
        await load_demo(app.state.service.pool, app.state.service.settings, PUBLIC)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8123") as client:
            yield client


def read(answer: httpx.Response, status: int = 200) -> str:
    """The text of a sound page, whose policy is as strict as that of any shop may be."""
    assert answer.status_code == status, answer.text
    policy = answer.headers["content-security-policy"]
    assert policy == (
        f"default-src 'self'; script-src 'self' {PUBLIC}; connect-src 'self' {PUBLIC}; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    )
    assert "access-control-allow-origin" not in answer.headers
    page = Parsed(answer.text)
    assert page.tags.count("h1") == page.tags.count("main") == page.tags.count("title") == 1
    assert not re.search(r"<[^>]+ (style|on\w+)=|<style|javascript:", answer.text)
    return " ".join(page.text.split()).replace("\u2019", "'").replace("\xa0", " ")


async def entry_of(browser: httpx.AsyncClient, fan: str) -> httpx.Response:
    """The fan's entry in the jazz list, with the token that the shop made."""
    page = (await browser.get(SHOP, params={"fan": fan})).text
    token = re.search(r' token="([^"]+)"', page)
    assert token
    return await browser.get(JAZZ, headers={"Authorization": f"Bearer {token[1]}"})


async def pass_of(browser: httpx.AsyncClient, fan: str) -> str:
    """The pass of a fan who is ready."""
    purchase_pass: str = (await entry_of(browser, fan)).json()["purchase_pass"]
    return purchase_pass


@pytest.mark.parametrize("path", PATHS)
async def test_without_the_demo_there_is_no_shop(app: FastAPI, path: str) -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        answer = await client.get(path)
        assert answer.status_code == 404
        assert "127.0.0.1" not in answer.headers["content-security-policy"]
        posted = await client.post(CHECKOUT, data={"pass": "x", "tickets": "1"})
        assert posted.status_code == 404


async def test_the_shop_embeds_the_widget_from_where_fans_reach_the_service(browser: httpx.AsyncClient) -> None:
    page = (await browser.get(SHOP)).text
    assert f'<script type="module" src="{PUBLIC}/static/widget.js"></script>' in page
    assert page.count("<waiting-list ") == 4
    assert 'token="e' not in page
    assert "Jazz on the Quay" in read(await browser.get(SHOP))
    widget = await browser.get("/static/widget.js")
    assert widget.headers["cross-origin-resource-policy"] == "cross-origin"
    assert widget.headers["access-control-allow-origin"] == "*"


async def test_whoever_is_chosen_has_a_token_and_nobody_else(browser: httpx.AsyncClient) -> None:
    for fan in FANS:
        answer = await entry_of(browser, fan)
        assert answer.status_code in (200, 404)
        assert fan != "ines" or answer.json()["status"] == "ready"
    assert 'token="e' not in (await browser.get(SHOP, params={"fan": "<mallory>"})).text
    assert (await browser.get("/demo/token", params={"fan": "mallory"})).json() == {"token": None}
    token = (await browser.get("/demo/token", params={"fan": "you"})).json()["token"]
    assert (await browser.get(JAZZ, headers={"Authorization": f"Bearer {token}"})).status_code == 404


async def test_a_fan_buys_fewer_than_are_held_and_a_pass_buys_once(browser: httpx.AsyncClient) -> None:
    sent = {"pass": await pass_of(browser, "emma"), "tickets": "1"}
    checkout = read(await browser.get(CHECKOUT, params=sent))
    assert "2 tickets are held for you." in checkout
    assert "You are buying 1 of them." in checkout
    assert "Pay for 1 ticket" in checkout
    bought = await browser.post(CHECKOUT, data=sent)
    assert bought.status_code == 303
    thanks = read(await browser.get(bought.headers["location"]))
    assert "You have bought 1 ticket." in thanks
    assert (await entry_of(browser, "emma")).json()["left_reason"] == "bought"
    for again in (await browser.get(CHECKOUT, params=sent), await browser.post(CHECKOUT, data=sent)):
        assert "have already bought these tickets" in read(again, 409)


async def test_a_pass_that_is_wrong_or_good_no_more_is_a_page_in_plain_words(browser: httpx.AsyncClient) -> None:
    good = await pass_of(browser, "ines")
    for sent in ({}, {"pass": "nonsense"}, {"pass": good[:-4] + "AAAA"}, {"pass": good, "tickets": "many"}):
        assert "purchase pass is not valid" in read(await browser.get(CHECKOUT, params=sent), 422)
        assert "purchase pass is not valid" in read(await browser.post(CHECKOUT, data=sent), 422)
    for tickets in ("0", "9"):
        refused = await browser.get(CHECKOUT, params={"pass": good, "tickets": tickets})
        assert "cannot buy that many tickets" in read(refused, 422)
    token = (await browser.get("/demo/token", params={"fan": "ines"})).json()["token"]
    assert (await browser.delete(JAZZ, headers={"Authorization": f"Bearer {token}"})).status_code == 200
    sent = {"pass": good, "tickets": "1"}
    for answer in (await browser.get(CHECKOUT, params=sent), await browser.post(CHECKOUT, data=sent)):
        assert "no longer held for you" in read(answer, 409)


async def test_a_form_of_another_site_buys_nothing(browser: httpx.AsyncClient) -> None:
    sent = {"pass": await pass_of(browser, "ines"), "tickets": "1"}
    refused = await browser.post(CHECKOUT, data=sent, headers={"Sec-Fetch-Site": "cross-site"})
    assert refused.status_code == 403
    assert (await entry_of(browser, "ines")).json()["status"] == "ready"


async def test_the_pages_of_places_lead_to_the_checkout_of_the_demo(browser: httpx.AsyncClient) -> None:
    text = await load_demo(
        browser._transport.app.state.service.pool, Settings(demo=True, public_url=PUBLIC), PUBLIC
    )  # type: ignore[attr-defined]
    assert f"{PUBLIC}{SHOP}" in text
    link = re.search(rf"{PUBLIC}(/e/\S+)", text)
    assert link
    page = (await browser.get(link[1])).text
    address = re.search(r'href="([^"]*/demo/checkout[^"]*)"', page)
    assert address
    query = parse_qs(urlsplit(unescape(address[1])).query)
    assert "Pay for 1 ticket" in read(await browser.get(CHECKOUT, params={"pass": query["pass"][0]}))


async def test_the_shop_speaks_french_too(browser: httpx.AsyncClient) -> None:
    french = {"Accept-Language": "fr"}
    assert "Boutique de démonstration" in read(await browser.get(SHOP, headers=french))
    sent = {"pass": await pass_of(browser, "ines")}
    assert "Payer 1 billet" in read(await browser.get(CHECKOUT, params=sent, headers=french))
