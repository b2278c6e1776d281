"""Wishes over several lists, over HTTP: an entry in each list, refusals in their place, one wish for repeats."""

import json
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from tests.support.shop import Shop, problem
from waiting_list.access.join_gate import Gate
from waiting_list.postgres.pool import connection
from waiting_list.problems import Unavailable

LISTS = ("off_1/rep_1", "off_1/rep_2", "off_2/rep_2")


class Wisher:
    """A fan with wishes over the lists of one event."""

    def __init__(self, app: FastAPI, shop: Shop) -> None:
        self.service = app.state.service
        self.shop = shop

    async def ask(self, *lists: str, user: str = "ada", key: str | None = None, **more: Any) -> httpx.Response:
        named = [dict(zip(("offer_id", "representation_id"), one.split("/"), strict=True)) for one in lists]
        headers = {"Idempotency-Key": key} if key else {}
        body = {"lists": named, "tickets_wanted": 1} | more
        return await self.shop.user(user, "POST", "/wishes", body, headers=headers)

    async def made(self, *lists: str, **more: Any) -> dict[str, Any]:
        answer = await self.ask(*(lists or LISTS), **more)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def wishes(self, user: str = "ada") -> list[dict[str, Any]]:
        answer = await self.shop.user(user, "GET", "/wishes")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    async def entry(self, where: str, user: str = "ada") -> dict[str, Any]:
        answer = await self.shop.user(user, "GET", f"/waiting-lists/{where}/entry")
        found: dict[str, Any] = answer.json()
        return found

    async def give(self, where: str, quantity: int = 1) -> None:
        await self.shop.made("POST", f"/inventory/{where}/add-stock", {"quantity": quantity})

    async def rows(self, statement: str) -> list[Any]:
        async with connection(self.service.pool) as acquired:
            return list(await acquired.fetch(statement))


@pytest_asyncio.fixture
async def wisher(app: FastAPI, shop: Shop) -> Wisher:
    for where in LISTS:
        await shop.stock(where=where)
    return Wisher(app, shop)


def codes(wish: dict[str, Any]) -> list[str]:
    return [one["entry"]["status"] if one["entry"] else one["problem"]["code"] for one in wish["lists"]]


async def test_a_wish_has_an_exact_place_in_each_list(wisher: Wisher) -> None:
    await wisher.shop.join("bob", 2)
    wish = await wisher.made(tickets_wanted=2, tickets_minimum=1, email="ada@mail.example")
    assert (wish["state"], wish["choice"]) == ("waiting", "withdraw_when_bought")
    assert [f"{one['offer_id']}/{one['representation_id']}" for one in wish["lists"]] == list(LISTS)
    assert [one["entry"]["position"] for one in wish["lists"]] == [2, 1, 1]
    assert {one["entry"]["wish_id"] for one in wish["lists"]} == {wish["wish_id"]}
    assert [(one["entry"]["tickets_wanted"], one["entry"]["tickets_minimum"]) for one in wish["lists"]] == [
        (2, 1)
    ] * 3
    assert [one["problem"] for one in wish["lists"]] == [None] * 3
    shown = (await wisher.shop.user("ada", "GET", f"/wishes/{wish['wish_id']}")).json()
    assert shown == wish
    assert await wisher.wishes() == [wish]
    assert (await wisher.shop.entry("ada"))["wish_id"] == wish["wish_id"]
    assert await wisher.wishes("bob") == []
    problem(await wisher.shop.user("bob", "GET", f"/wishes/{wish['wish_id']}"), 404, "wish_not_found")
    problem(await wisher.shop.user("bob", "DELETE", f"/wishes/{wish['wish_id']}"), 404, "wish_not_found")
    problem(await wisher.shop.user("ada", "GET", "/wishes/nothing"), 404, "wish_not_found")


async def test_lists_that_refuse_show_why_in_their_place(wisher: Wisher) -> None:
    await wisher.shop.join("ada")
    await wisher.give("off_1/rep_1")
    await wisher.shop.made("PATCH", "/waiting-lists/off_2/rep_2", {"open": False})
    wish = await wisher.made(*LISTS, "off_9/rep_9")
    assert codes(wish) == ["already_in_list", "waiting", "waiting_list_not_open", "inventory_not_found"]
    refused = wish["lists"][0]["problem"]
    assert refused["instance"] == "/v1/user/waiting-lists/off_1/rep_1/entry"
    assert (refused["status"], refused["entry"]["wish_id"]) == (409, None)
    (shown,) = await wisher.wishes()
    assert codes(shown) == ["waiting"]


async def test_where_every_list_refuses_nothing_is_made(wisher: Wisher) -> None:
    await wisher.shop.made("PATCH", "/waiting-lists/off_2/rep_2", {"open": False})
    await wisher.shop.join("ada")
    await wisher.give("off_1/rep_1")
    first = await wisher.ask("off_2/rep_2", LISTS[0], key="k1")
    problem(first, 409, "waiting_list_not_open")
    assert problem(await wisher.ask(LISTS[0], "off_2/rep_2"), 409, "already_in_list")["entry"]["number"] == 1
    assert await wisher.rows("SELECT * FROM wishes") == []
    assert await wisher.wishes() == []
    # The key is still free, as after every refusal.
    await wisher.shop.made("PATCH", "/waiting-lists/off_2/rep_2", {"open": True})
    assert codes(await wisher.made("off_2/rep_2", LISTS[0], key="k1")) == ["waiting", "already_in_list"]


async def test_a_place_in_which_the_user_waits_already_becomes_part_of_the_wish(wisher: Wisher) -> None:
    before = await wisher.shop.join("ada", 2)
    await wisher.shop.join("bob")
    wish = await wisher.made(key="k1")
    mine = wish["lists"][0]["entry"]
    assert mine == before | {"wish_id": wish["wish_id"]}
    assert (await wisher.made(key="k1"))["lists"] == wish["lists"]
    (shown,) = await wisher.wishes()
    assert shown == wish


async def test_a_list_after_a_hold_that_ends_the_wish_takes_nobody(wisher: Wisher) -> None:
    await wisher.shop.made("POST", "/inventory/off_1/rep_1/add-stock", {"quantity": 1})
    wish = await wisher.made(choice="withdraw_when_held")
    assert (wish["state"], codes(wish)) == ("held", ["ready", "wish_fulfilled", "wish_fulfilled"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"lists": [{"offer_id": "off_1", "representation_id": "rep_1"}]},
        {"lists": [{"offer_id": "off_1", "representation_id": "rep_1"}] * 2},
        {"lists": [{"offer_id": "off_1", "representation_id": f"rep_{n}"} for n in range(21)]},
        {"choice": "keep_all"},
        {"tickets_wanted": 0},
        {"wish_id": "5a0b2b3c-0000-4000-8000-000000000001"},
    ],
)
async def test_a_malformed_wish_is_refused(wisher: Wisher, wrong: dict[str, Any]) -> None:
    problem(await wisher.ask(*LISTS, **wrong), 422, "invalid_request")
    assert await wisher.rows("SELECT * FROM entries") == []


async def test_a_repeat_with_its_key_is_the_same_wish_with_the_same_refusals(wisher: Wisher) -> None:
    await wisher.shop.made("PATCH", "/waiting-lists/off_2/rep_2", {"open": False})
    first = await wisher.ask(*LISTS, key="k1")
    assert "idempotent-replayed" not in first.headers
    await wisher.shop.made("PATCH", "/waiting-lists/off_2/rep_2", {"open": True})
    await wisher.shop.user("ada", "DELETE")
    again = await wisher.ask(*LISTS, key="k1")
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert len(await wisher.rows("SELECT * FROM entries")) == 2
    for other in ({"tickets_wanted": 2}, {"choice": "keep_until_bought"}):
        problem(await wisher.ask(*LISTS, key="k1", **other), 422, "idempotency_key_reused")
    problem(await wisher.ask(*LISTS[:2], key="k1"), 422, "idempotency_key_reused")
    assert len(await wisher.rows("SELECT * FROM wishes")) == 1


async def test_a_repeat_after_a_crash_between_two_joins_joins_what_is_missing(
    wisher: Wisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    join, joined = Gate.join, 0

    async def crash(self: Gate, *args: Any, **more: Any) -> Any:
        nonlocal joined
        joined += 1
        if joined == 2:
            raise Unavailable("The process died.")
        return await join(self, *args, **more)

    monkeypatch.setattr(Gate, "join", crash)
    problem(await wisher.ask(*LISTS, key="k1"), 503, "unavailable")
    (entry,) = await wisher.rows("SELECT wish_id FROM entries")
    # Another request with the same key does not go on with this one.
    problem(await wisher.ask(*LISTS, key="k1", choice="keep_until_bought"), 422, "idempotency_key_reused")
    wish = await wisher.made(key="k1")
    assert codes(wish) == ["waiting"] * 3
    assert wish["wish_id"] == str(entry["wish_id"])
    assert [one["wish_id"] for one in await wisher.rows("SELECT wish_id FROM entries")] == [entry["wish_id"]] * 3


async def test_the_first_that_comes_true_is_held_and_says_so_in_the_others(wisher: Wisher) -> None:
    wish = await wisher.made()
    await wisher.give("off_1/rep_2")
    await wisher.give("off_1/rep_1")
    (held,) = await wisher.wishes()
    assert (held["state"], codes(held)) == ("held", ["waiting", "ready", "waiting"])
    assert held["lists"][1]["entry"]["purchase_pass"]
    why = (await wisher.entry("off_1/rep_1"))["why"]
    assert why["code"] == "set_aside"
    assert why["held_in"] == {"offer_id": "off_1", "representation_id": "rep_2"}
    why = (await wisher.entry("off_2/rep_2"))["why"]
    assert (why["code"], why["held_in"]) == ("nothing_free", None)
    await wisher.shop.made("POST", "/waiting-lists/off_1/rep_2/entries/ada/purchase", {})
    assert (await wisher.wishes())[0]["state"] == "fulfilled"
    assert wish["state"] == "waiting"


async def test_who_withdraws_a_wish_leaves_every_list_and_holds_nothing_in_between(wisher: Wisher) -> None:
    wish = await wisher.made()
    await wisher.give("off_1/rep_1")
    await wisher.give("off_1/rep_2")
    for _ in range(2):
        answer = await wisher.shop.user("ada", "DELETE", f"/wishes/{wish['wish_id']}")
        assert answer.status_code == 200, answer.text
        assert (answer.json()["state"], codes(answer.json())) == ("withdrawn", ["left"] * 3)
    verbs_done = [one["verb"] for one in await wisher.rows("SELECT verb FROM history WHERE number IS NOT NULL")]
    assert verbs_done.count("promote") == 1
    assert "revoke" not in verbs_done
    # Last, because a hold that ends first lets the worker hold tickets in the next list.
    left = await wisher.rows("SELECT before ->> 'status' AS was FROM history WHERE verb = 'leave' ORDER BY at")
    assert [one["was"] for one in left] == ["waiting", "waiting", "ready"]


async def test_an_empty_hand_of_wishes_is_paged(wisher: Wisher) -> None:
    for choice in ("withdraw_when_bought", "keep_until_bought"):
        wish = await wisher.made(choice=choice)
        await wisher.shop.user("ada", "DELETE", f"/wishes/{wish['wish_id']}")
    first = (await wisher.shop.user("ada", "GET", "/wishes?limit=1")).json()
    then = (await wisher.shop.user("ada", "GET", f"/wishes?limit=1&cursor={first['next_cursor']}")).json()
    assert [one["choice"] for one in (*first["items"], *then["items"])] == [
        "keep_until_bought",
        "withdraw_when_bought",
    ]
    assert then["next_cursor"] is None


async def test_webhooks_name_the_wish(wisher: Wisher) -> None:
    await wisher.shop.made("POST", "/webhooks", {"url": "https://shop.example/hook", "types": ["entry.joined"]})
    wish = await wisher.made()
    bodies = [
        json.loads(one["body"]) for one in await wisher.rows("SELECT body FROM outbox WHERE type = 'entry.joined'")
    ]
    assert [one["data"]["entry"]["wish_id"] for one in bodies] == [wish["wish_id"]] * 3
