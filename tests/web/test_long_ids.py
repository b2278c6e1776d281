"""Ids of every length and character: the service takes back each cursor and each path that it hands out."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from fastapi import FastAPI
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.lists import TABLES
from tests.support.shop import EVENT, Shop, listening, problem
from waiting_list.fields import MOST_ID_CHARACTERS
from waiting_list.postgres.pagination import LONGEST_CURSOR
from waiting_list.postgres.pool import connection

LONG_LINE = 8190
"""The longest request line that nginx and Apache take as they are set up by default, in bytes."""
ids = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=MOST_ID_CHARACTERS),
    min_size=2,
    max_size=2,
    unique=True,
)


def longest(*ends: str) -> list[str]:
    """Ids of the greatest length, of the first character of each end, that differ in their last one."""
    return [end[0] * (MOST_ID_CHARACTERS - 1) + end[1] for end in ends]


def segment(one: str) -> str:
    """The id as a part of a path, also where it is `..`."""
    return quote(one, safe="").replace(".", "%2E")


class Client:
    """Calls a server over a real connection, and remembers the longest request line and cursor."""

    def __init__(self, http: httpx.AsyncClient, key: str) -> None:
        self.http, self.headers = http, {"Authorization": f"Bearer {key}"}
        self.line = self.cursor = 0

    async def call(self, method: str, path: str, body: Any = None, *, status: int = 200, **headers: str) -> Any:
        request = self.http.build_request(method, path, json=body, headers=self.headers | headers)
        self.line = max(self.line, len(f"{method} {request.url.raw_path.decode()} HTTP/1.1"))
        answer = await self.http.send(request)
        assert answer.status_code in (status, 201), (method, path[:60], answer.text[:300])
        return answer.json()

    async def pages(self, path: str, *, limit: int, **headers: str) -> list[Any]:
        """All items of a listing, page by page."""
        items: list[Any] = []
        query: dict[str, Any] = {"limit": limit}
        while True:
            answer = await self.call("GET", f"{path}?{urlencode(query)}", **headers)
            items += answer["items"]
            assert len(answer["items"]) <= limit
            if answer["next_cursor"] is None:
                return items
            query["cursor"] = answer["next_cursor"]
            self.cursor = max(self.cursor, len(query["cursor"]))


async def catalogue(client: Client, named: list[str]) -> None:
    """Make two events, and four lists of the first, in which two fans wait. All have the same two ids."""
    start = datetime.now(UTC) + timedelta(days=30)
    dates = {"start_datetime": start.isoformat(), "end_datetime": (start + timedelta(hours=3)).isoformat()}
    root, first = "/v1/organizer", named[0]
    for one in named:
        await client.call("PUT", f"{root}/events/{segment(one)}", EVENT)
    for one in named:
        offer = {"event_id": first, "name": "Floor", "max_quantity_per_order": 4}
        await client.call("PUT", f"{root}/representations/{segment(one)}", {"event_id": first} | dates)
        await client.call("PUT", f"{root}/offers/{segment(one)}", offer)
    for offer_id in named:
        for representation_id in named:
            key = f"{segment(offer_id)}/{segment(representation_id)}"
            stock = {"total_stock": 10, "available_stock": 0}
            await client.call("PUT", f"{root}/inventory/{key}", stock)
            for user_id in named:
                wish = {"user_id": user_id, "tickets_wanted": 1}
                await client.call("POST", f"{root}/waiting-lists/{key}/entries", wish)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(longest("\U0010ffff\U0010fffe", "\U0010ffff\U0010fffd"))
@example(longest("\U0010ffff/", '\\"'))
@example([".", ".."])
@given(ids)
async def test_every_cursor_that_is_handed_out_is_taken_back(app: FastAPI, shop: Shop, named: list[str]) -> None:
    async with connection(app.state.service.pool) as acquired:
        await acquired.execute(f"TRUNCATE {', '.join({*TABLES} - {'api_keys'})} CASCADE")
    listings = [
        path
        for path, calls in app.openapi()["paths"].items()
        if {"$ref": "#/components/parameters/cursor.query"} in calls.get("get", {}).get("parameters", [])
    ]
    assert len(listings) >= 13
    paged = 0
    async with listening(app) as url, httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as http:
        client = Client(http, shop.key)
        await catalogue(client, named)
        hooks = [
            await client.call("POST", "/v1/organizer/webhooks", {"url": f"https://shop.example/{n}"})
            for n in (1, 2)
        ]
        token = (await client.call("POST", "/v1/organizer/user-tokens", {"user_id": named[0]}))["token"]
        for listing in listings:
            known = {"offer_id": segment(named[1]), "representation_id": segment(named[0])}
            path = listing.format(**known, webhook_id=hooks[0]["webhook_id"])
            headers = {"Authorization": f"Bearer {token}"} if listing.startswith("/v1/user/") else {}
            items = await client.pages(path, limit=1, **headers)
            assert items == await client.pages(path, limit=500, **headers), listing
            paged += len(items) > 1
        if not {".", ".."} & {*named}:  # browsers take these parts out of a path, also where they are escaped
            await pages_of_the_dashboard(client, shop.key, named)
    assert paged >= 9
    assert client.cursor <= LONGEST_CURSOR
    assert client.line <= LONG_LINE


async def pages_of_the_dashboard(client: Client, key: str, named: list[str]) -> None:
    """Open the pages about these ids as an organizer in a browser, by the links that the dashboard has."""
    form = {"api_key": key, "next": "/dashboard"}
    signed_in = await client.http.post("/dashboard/sign-in", data=form)
    assert signed_in.status_code == 303
    shown = await client.http.get("/dashboard")
    links = set(re.findall(r'href="(/dashboard/waiting-lists/[^"]+)"', shown.text))
    assert len(links) == len(named) ** 2
    for link in sorted(links):
        client.line = max(client.line, len(f"GET {link} HTTP/1.1"))
        opened = await client.http.get(link)
        assert opened.status_code == 200, link[:80]
        entries = set(re.findall(r'href="(/dashboard/waiting-lists/[^"]+/entries/[^"]+)"', opened.text))
        for entry in sorted(entries):
            assert (await client.http.get(entry)).status_code == 200, entry[:80]


async def test_every_call_takes_ids_of_the_greatest_length(app: FastAPI, shop: Shop) -> None:
    named = longest("\U0010ffff\U0010fffe", "\U0010ffff\U0010fffd")
    offer_id, representation_id = (segment(one) for one in named)
    user_id = named[0]
    async with listening(app) as url, httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as http:
        client = Client(http, shop.key)
        await catalogue(client, named)
        token = (await client.call("POST", "/v1/organizer/user-tokens", {"user_id": "x" * 200}))["token"]
        fan = {"Authorization": f"Bearer {token}"}
        the_list = f"waiting-lists/{offer_id}/{representation_id}"
        for path in ("", "/queue"):
            await client.call("GET", f"/v1/user/{the_list}{path}")
        await client.call("POST", f"/v1/user/{the_list}/entry", {"tickets_wanted": 2}, **fan)
        await client.call("PATCH", f"/v1/user/{the_list}/entry", {"tickets_wanted": 1}, **fan)
        await client.call("GET", f"/v1/user/{the_list}/entry", **fan)
        await client.call("PUT", f"/v1/user/{the_list}/entry/contact", {"name": "Ada"}, **fan)
        await client.call("GET", f"/v1/user/{the_list}/entry/contact", **fan)
        await client.call("DELETE", f"/v1/user/{the_list}/entry", **fan)
        entry = f"/v1/organizer/{the_list}/entries/{segment(user_id)}"
        await client.call("GET", entry)
        await client.call("POST", f"{entry}/move", {"to": "last"})
        await client.call("POST", f"{entry}/link")
        inventory = f"/v1/organizer/inventory/{offer_id}/{representation_id}"
        promoted = await client.call("POST", f"{inventory}/add-stock", {"quantity": 2})
        assert {one["user_id"] for one in promoted["promoted"]} == set(named)
        await client.call("POST", f"{entry}/purchase", {})
        await client.call("GET", f"/v1/organizer/{the_list}")
        await client.call("PATCH", f"/v1/organizer/{the_list}", {"hold_minutes": 60})
        await client.call("GET", f"/v1/organizer/{the_list}/statistics")
        await client.call("GET", f"/v1/organizer/users/{segment(user_id)}/export")
        await client.call("DELETE", f"/v1/organizer/users/{segment(user_id)}")
        page = await http.get(f"/{the_list}")
        assert page.status_code == 200
        assert f'value="/{the_list}"' in page.text
    assert 7200 < client.line <= LONG_LINE


async def test_a_cursor_that_is_longer_than_any_is_malformed(shop: Shop) -> None:
    for length in (LONGEST_CURSOR, LONGEST_CURSOR + 1):
        answer = await shop.organizer("GET", "/events", params={"cursor": "x" * length})
        refused = problem(answer, 422, "invalid_request")
        assert ("at most" in refused["detail"]) is (length > LONGEST_CURSOR)
