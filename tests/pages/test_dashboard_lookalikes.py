"""The dashboard page of entries that look like one person: listing, removing and restoring groups."""

import re
from typing import Any

import httpx
import pytest_asyncio
from fastapi import FastAPI

from tests.pages.test_dashboard import PAGE, Office
from tests.pages.test_dashboard_changes import asked
from tests.pages.test_fans import FRENCH
from tests.support.shop import LIST, Shop
from tests.web.test_http import unchanged
from waiting_list.access.api_keys import Scope

LOOKALIKES = f"{PAGE}/lookalikes"


@pytest_asyncio.fixture
async def office(app: FastAPI, shop: Shop) -> Any:
    await shop.stock()
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"one_place_per_address": True})
    opened = Office(app, shop)
    for n in range(4):
        token = (await shop.made("POST", "/user-tokens", {"user_id": f"secret{n}"}))["token"]
        transport = httpx.ASGITransport(app=app, client=(f"93.184.216.{n}", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as fan:
            path, headers = f"/v1/user/waiting-lists/{LIST}/entry", {"Authorization": f"Bearer {token}"}
            assert (await fan.post(path, json={"tickets_wanted": 2}, headers=headers)).status_code == 201
    await shop.join("bob")
    yield opened
    for one in opened.clients:
        await one.aclose()


async def test_a_group_is_shown_removed_with_a_reason_and_given_back(office: Office) -> None:
    organizer = await office.organizer()
    shown = await organizer.get(LOOKALIKES)
    assert "same network, joined within a minute" in shown.text
    answer = await organizer.http.get(LOOKALIKES)
    assert "secret" not in answer.text
    (numbers,) = re.findall(r'name="group_1" value="([\d,]+)"', answer.text)
    assert numbers == "1,2,3,4"
    organizer.read(answer)
    chosen = {"do": "remove_lookalikes", "group_1": numbers}
    refused = await organizer.post(f"{PAGE}/confirm", **chosen, reason="")
    assert refused.status_code == 422
    organizer.read(await organizer.http.get(LOOKALIKES))
    async with unchanged(office.app):
        page, sent = await asked(organizer, **chosen, reason="one person")
    assert "Remove 4 entries from the list?" in page.text
    assert "No further fans become ready." in page.text
    answers = [await organizer.post(f"{PAGE}/do", **sent) for _ in "12"]
    (location,) = {one.headers["location"] for one in answers}
    assert location.startswith(f"{LOOKALIKES}?done=remove_lookalikes&undo=")
    undo = location.rpartition("=")[2]
    assert (await office.shop.entry("secret0"))["left_reason"] == "removed"
    answer = await organizer.http.get(location)
    organizer.read(answer)
    assert f'name="undo" value="{undo}"' in answer.text
    assert "No entries look like the same person." in answer.text
    page, sent = await asked(organizer, do="restore", undo=undo)
    assert "Put 4 fans back in line?" in page.text
    done = await organizer.post(f"{PAGE}/do", **sent)
    assert done.headers["location"] == f"{LOOKALIKES}?done=restore"
    assert [(await office.shop.entry(f"secret{n}"))["position"] for n in range(4)] == [1, 2, 3, 4]
    assert (await office.shop.entry("bob"))["position"] == 5
    history = (await office.shop.made("GET", f"/waiting-lists/{LIST}/history?verb=remove"))["items"]
    assert [one["reason"] for one in history] == ["one person"] * 4


async def test_the_page_speaks_french_and_offers_nothing_to_a_key_that_only_reads(office: Office) -> None:
    reader = await office.organizer(await office.key(Scope.READ))
    answer = await reader.http.get(LOOKALIKES, headers=FRENCH)
    assert "même réseau, inscrits en une minute" in answer.text
    assert 'name="reason"' not in answer.text
