"""Joining by an e-mail address alone: the place first, the address verified later, no list filled by strangers."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from fastapi import FastAPI

from tests.lists.test_challenges import solved
from tests.support.shop import LIST, ORGANIZATION, Shop, declared_answers, problem
from waiting_list.access.email_joins import Wish
from waiting_list.access.email_sign_in import fan_id
from waiting_list.lists import verbs
from waiting_list.lists.contact import ContactFields
from waiting_list.lists.engine import Caller
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import connection

KEY = ListKey("off_1", "rep_1")
PATH = f"/v1/user/waiting-lists/{LIST}"
HOME = "203.0.113.9"
USER = Caller(ORGANIZATION, "user")


class Door:
    """Fans without an account, who come from any address."""

    def __init__(self, app: FastAPI, shop: Shop) -> None:
        self.app = app
        self.shop = shop
        self.service = app.state.service

    async def ask(self, method: str, path: str, *, come_from: str = HOME, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False, client=(come_from, 1))
        hooks = {"response": [declared_answers(self.app)]}
        async with httpx.AsyncClient(transport=transport, base_url="http://service", event_hooks=hooks) as client:
            return await client.request(method, path, **options)

    async def join(self, email: str = "ada@mail.example", *, come_from: str = HOME, **more: Any) -> httpx.Response:
        headers = more.pop("headers", None)
        body = {"email": email, "tickets_wanted": 1} | more
        return await self.ask("POST", f"{PATH}/join-by-email", come_from=come_from, json=body, headers=headers)

    async def joined(self, email: str = "ada@mail.example", **options: Any) -> dict[str, Any]:
        answer = await self.join(email, **options)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def with_token(self, token: str, method: str, path: str = f"{PATH}/entry", **options: Any) -> Any:
        return await self.ask(method, path, headers={"Authorization": f"Bearer {token}"}, **options)

    async def user_id(self, email: str = "ada@mail.example") -> str:
        return fan_id(await self.service.signing_keys.derived_secret(), ORGANIZATION, email)

    async def verify(self, email: str = "ada@mail.example") -> None:
        user_id = await self.user_id(email)
        number = (await self.service.reads.entry(KEY, user_id, organization_id=ORGANIZATION)).number
        await self.service.engine.run(KEY, USER, verbs.verify, user_id=user_id, number=number, email=email)

    async def rows(self, statement: str) -> list[Any]:
        async with connection(self.service.pool) as acquired:
            return list(await acquired.fetch(statement))

    async def forget_letters(self) -> None:
        await self.rows("DELETE FROM allowances")


@pytest_asyncio.fixture
async def door(app: FastAPI, shop: Shop) -> Door:
    await shop.stock()
    found = Door(app, shop)
    await found.rows("INSERT INTO mail_seen (is_only, seen_at) VALUES (true, now())")
    return found


def assert_is_mailed(answer: httpx.Response) -> None:
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"entry": None, "token": None, "expires_at": None, "link": None, "mailed": True}


async def test_an_address_is_enough_for_a_place(door: Door) -> None:
    for number in range(3):
        await door.shop.join(f"u{number}")
    found = await door.joined("Ada@mail.example", name="Ada", tickets_wanted=3, tickets_minimum=2, locale="fr")
    entry = found["entry"]
    assert (entry["number"], entry["position"], entry["tickets_wanted"], entry["tickets_minimum"]) == (4, 4, 3, 2)
    assert entry["user_id"] == await door.user_id("ada@mail.example")
    assert found["mailed"] is True
    assert datetime.fromisoformat(found["expires_at"]) > datetime.now(UTC) + timedelta(days=29)
    page = await door.ask("GET", "/" + found["link"].split("/", 3)[3])
    assert (page.status_code, "Ada@mail.example" in page.text) == (200, True)  # so that a slip shows
    (contact,) = await door.rows("SELECT * FROM contacts WHERE number = 4")
    assert (contact["email"], contact["name"], contact["locale"]) == ("Ada@mail.example", "Ada", "fr")
    assert contact["verified_at"] is None
    assert [row["type"] for row in await door.rows("SELECT type FROM outbox")] == ["joined"]


async def test_the_token_is_good_for_this_entry_alone(door: Door) -> None:
    token = (await door.joined(tickets_wanted=3))["token"]
    assert (await door.with_token(token, "GET")).json()["number"] == 1
    assert (await door.with_token(token, "HEAD", f"{PATH}/entry/live")).status_code == 200
    assert (await door.with_token(token, "PATCH", json={"tickets_wanted": 2})).json()["tickets_wanted"] == 2
    await door.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    back = await door.with_token(token, "POST", f"{PATH}/entry/give-back", json={"quantity": 1})
    assert back.json()["tickets_held"] == 1
    await door.shop.stock(where="off_2/rep_2")
    other = "/v1/user/waiting-lists/off_2/rep_2/entry"
    for method, path, body in (
        ("GET", "/v1/user/entries", None), ("GET", other, None), ("DELETE", other, None),
        ("POST", other, {"tickets_wanted": 1}), ("POST", f"{PATH}/entry", {"tickets_wanted": 1}),
        ("GET", f"{PATH}/entry/contact", None), ("PUT", f"{PATH}/entry/contact", {"email": "eve@mail.example"}),
        ("GET", f"{other}/live", None), ("PATCH", other, {"tickets_wanted": 1}),
    ):  # fmt: skip
        problem(await door.with_token(token, method, path, json=body), 403, "forbidden")
    problem(await door.shop.organizer("GET", "/entries", key=token), 403, "forbidden")
    signed_in = await door.ask("POST", "/sign-in/with-token", data={"token": token})
    assert (signed_in.status_code, "set-cookie" in signed_in.headers) == (403, False)
    assert (await door.with_token(token, "DELETE")).json()["left_reason"] == "cancelled"
    problem(await door.with_token(token, "POST", json={"tickets_wanted": 1}), 403, "forbidden")


async def test_the_token_of_an_earlier_entry_shows_nothing_of_a_later_one(door: Door) -> None:
    token = (await door.joined())["token"]
    await door.with_token(token, "DELETE")
    assert (await door.with_token(token, "GET")).json()["status"] == "left"
    later = (await door.joined())["token"]
    for method, path, body in (
        ("POST", "/pause", None), ("POST", "/resume", None),
        ("GET", "", None), ("HEAD", "", None), ("PATCH", "", {"tickets_wanted": 2}), ("DELETE", "", None),
        ("GET", "/live", None), ("POST", "/give-back", {"quantity": 1}),
    ):  # fmt: skip
        answer = await door.with_token(token, method, f"{PATH}/entry{path}", json=body)
        assert answer.status_code == 403, (method, path)
        assert '"entry"' not in answer.text
    assert (await door.with_token(later, "GET")).json()["number"] == 2


async def test_a_sign_out_of_the_owner_ends_the_token(door: Door) -> None:
    token = (await door.joined())["token"]
    await door.service.sign_outs.sign_out(ORGANIZATION, await door.user_id())
    problem(await door.with_token(token, "GET"), 401, "unauthenticated")


async def test_a_forged_entry_in_a_token_opens_nothing(door: Door) -> None:
    await door.joined()
    keys = await door.service.signing_keys.keys()
    claims = {"iss": "waiting-list", "aud": "waiting-list/user", "sub": await door.user_id(), "org": ORGANIZATION}
    claims |= {"iat": 1, "exp": 2**31}
    for entry in ("", "1", f"{KEY.list_id}", f"{KEY.list_id}/", f"{KEY.list_id}/1/2", "x/1", 7, None, []):
        token = jwt.encode(claims | {"entry": entry}, keys.user_token, "HS256")
        problem(await door.with_token(token, "GET"), 401, "unauthenticated")


async def test_an_address_that_has_a_place_gets_a_letter_and_its_visitor_nothing(door: Door) -> None:
    await door.joined()
    await door.forget_letters()
    again = await door.join("ADA@mail.example", tickets_wanted=4, tickets_minimum=2, keep_waiting_for_rest=True)
    assert_is_mailed(again)
    (asked,) = await door.rows("SELECT email, next FROM sign_ins")
    assert asked["email"] == "ADA@mail.example"
    wish = "tickets_wanted=4&tickets_minimum=2&keep_waiting_for_rest=yes"
    assert asked["next"] == f"/waiting-lists/{LIST}?{wish}"
    assert_is_mailed(await door.join())
    assert len(await door.rows("SELECT FROM sign_ins")) == 1  # at most one a minute for a mailbox
    assert len(await door.rows("SELECT FROM entries")) == 1


async def test_a_mailbox_that_another_user_has_verified_gets_no_second_place(door: Door) -> None:
    await door.shop.made("PATCH", f"/waiting-lists/{LIST}", {"one_place_per_address": True})
    await door.shop.made(
        "POST",
        f"/waiting-lists/{LIST}/entries",
        {"user_id": "u1", "tickets_wanted": 1, "email": "ada@mail.example", "email_verified": True},
    )
    assert_is_mailed(await door.join())
    await door.joined("bob@mail.example")


async def test_a_repeat_has_the_same_place_until_the_address_is_verified(door: Door) -> None:
    once = {"Idempotency-Key": "one"}
    first = await door.join(headers=once)
    again = await door.join(headers=once)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    problem(await door.join(headers=once, tickets_wanted=2), 422, "idempotency_key_reused")
    # The key is the address's own: another fan with the same key has another place.
    assert (await door.joined("bob@mail.example", headers=once))["entry"]["number"] == 2
    await door.verify()
    assert_is_mailed(await door.join(headers=once))


async def test_two_presses_at_once_make_one_place(door: Door) -> None:
    answers = await asyncio.gather(*(door.join() for _ in range(8)))
    assert sorted(one.status_code for one in answers) == [201] + [202] * 7
    assert len(await door.rows("SELECT FROM entries")) == 1


async def test_beyond_the_limit_of_a_network_the_address_comes_first(door: Door) -> None:
    for n in range(20):
        await door.joined(f"a{n}@mail.example", come_from=f"203.0.113.{n + 1}")
    await door.forget_letters()
    assert_is_mailed(await door.join("late@mail.example", come_from="203.0.113.200"))
    (asked,) = await door.rows("SELECT email, next FROM sign_ins")
    assert asked["email"] == "late@mail.example"
    await door.joined("far@mail.example", come_from="203.0.114.1")
    await door.shop.join("shopper")  # a fan whom the shop knows
    await door.verify("a0@mail.example")
    await door.joined("b0@mail.example")
    assert_is_mailed(await door.join("b1@mail.example"))
    user_id = await door.user_id("a1@mail.example")
    await door.service.engine.run(KEY, USER, verbs.leave, user_id=user_id)
    await door.joined("b1@mail.example")
    assert_is_mailed(await door.join("b2@mail.example"))
    assert len(await door.rows("SELECT FROM contacts WHERE joined_from IS NOT NULL")) == 21


async def test_networks_are_those_that_one_caller_has(door: Door) -> None:
    for n in range(20):
        await door.joined(f"a{n}@mail.example", come_from=f"2001:db8:77:{n:x}::1")
    assert_is_mailed(await door.join("late@mail.example", come_from="2001:db8:77:ffff::1"))
    await door.joined("far@mail.example", come_from="2001:db8:78::1")
    for n in range(21):  # a whole office, or a proxy that hides its visitors
        await door.joined(f"c{n}@mail.example", come_from="10.0.0.1")


async def test_a_batch_counts_its_own_joins(door: Door) -> None:
    answers = await asyncio.gather(*(door.join(f"a{n}@mail.example") for n in range(40)))
    assert sorted(one.status_code for one in answers) == [201] * 20 + [202] * 20


async def test_no_letter_goes_to_an_address_before_the_challenge(door: Door) -> None:
    """Neither where the network has no place left, nor to an address that has one. So answers show no address."""
    door.service.email_joins._most_unverified = 1
    await door.joined("first@mail.example")
    await door.forget_letters()
    await door.shop.made("PATCH", f"/waiting-lists/{LIST}", {"join_challenge": "always"})
    letters = "SELECT FROM sign_ins"
    for email in ("ada@mail.example", "first@mail.example"):
        refused = problem(await door.join(email), 403, "challenge_required")
        assert await door.rows(letters) == []
        wrong = {"token": refused["challenge"]["token"], "solution": [0] * 16}
        problem(await door.join(email, challenge=wrong), 403, "challenge_required")
        assert_is_mailed(await door.join(email, challenge=solved(refused["challenge"])))
        assert len(await door.rows(letters)) == 1
        await door.rows("DELETE FROM sign_ins")
        await door.forget_letters()


async def test_a_request_that_is_answered_with_a_challenge_uses_no_allowance(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that strangers who solve nothing keep no letter from the owner of an address."""
    await door.shop.stock(where=LATER)
    for where in (LIST, LATER):
        await door.shop.made("PATCH", f"/waiting-lists/{where}", {"join_challenge": "always"})
    count, counted = door.service.mail_limits.count_given, []

    async def noted(*who: Any) -> None:
        counted.append(who)
        await count(*who)

    monkeypatch.setattr(door.service.mail_limits, "count_given", noted)
    for ask in (door.join, partial(wish, door)):
        refused = problem(await ask(), 403, "challenge_required")
        wrong = {"token": refused["challenge"]["token"], "solution": [0] * 16}
        problem(await ask(challenge=wrong), 403, "challenge_required")
    signed_in = {"tickets_wanted": 1, "email": "ada@mail.example", "lists": BOTH}
    problem(await door.shop.user("eve", "POST", "/wishes", signed_in), 403, "challenge_required")
    assert counted == []
    refused = problem(await door.join(), 403, "challenge_required")
    assert (await door.joined(challenge=solved(refused["challenge"])))["mailed"] is True
    assert len(counted) == 1


async def test_a_challenge_is_asked_of_joins_by_email_too(door: Door) -> None:
    await door.shop.made("PATCH", f"/waiting-lists/{LIST}", {"join_challenge": "always"})
    refused = problem(await door.join(), 403, "challenge_required")
    assert refused["challenge"]["puzzles"] == 16
    assert not await door.rows("SELECT FROM entries")


async def test_a_place_whose_letter_is_kept_back_is_still_a_place(door: Door) -> None:
    mailed = [(await door.joined(f"ada+{n}@mail.example", come_from=f"198.51.{n}.1"))["mailed"] for n in range(21)]
    assert mailed == [True] * 20 + [False]


async def test_without_e_mails_fans_come_by_the_shop(door: Door) -> None:
    await door.rows("DELETE FROM mail_seen")
    problem(await door.join(), 403, "forbidden")


@pytest.mark.parametrize("state", ["closed", "ended", "unknown"])
async def test_a_list_that_takes_nobody_says_so_and_sends_no_letter(door: Door, state: str) -> None:
    if state == "closed":
        await door.shop.made("PATCH", f"/waiting-lists/{LIST}", {"open": False})
        problem(await door.join(), 409, "waiting_list_not_open")
    elif state == "ended":
        await door.shop.made("PATCH", f"/waiting-lists/{LIST}", {"closes_at": "2020-01-01T00:00:00Z"})
        problem(await door.join(), 409, "waiting_list_ended")
    else:
        path = "/v1/user/waiting-lists/off_1/none/join-by-email"
        answer = await door.ask("POST", path, json={"email": "ada@mail.example", "tickets_wanted": 1})
        problem(answer, 404, "inventory_not_found")
    assert not await door.rows("SELECT FROM outbox WHERE type IN ('joined', 'sign_in')")


async def test_what_is_no_wish_is_refused(door: Door) -> None:
    problem(await door.join("ada"), 422, "invalid_request")
    problem(await door.join(tickets_wanted=0), 422, "invalid_request")
    problem(await door.join(tickets_wanted=9), 422, "too_many_tickets")
    problem(await door.join(tickets_wanted=1, tickets_minimum=2), 422, "invalid_request")
    problem(await door.join(more="x"), 422, "invalid_request")
    assert not await door.rows("SELECT FROM entries")


async def test_a_page_of_any_origin_can_join(door: Door) -> None:
    answer = await door.join(headers={"Origin": "https://band.example", "Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (201, "*")
    assert answer.headers["Cache-Control"] == "private, no-store"


LATER = "off_1/rep_2"
BOTH = [{"offer_id": "off_1", "representation_id": one} for one in ("rep_1", "rep_2")]


async def wish(door: Door, email: str = "ada@mail.example", **more: Any) -> httpx.Response:
    headers, come_from = more.pop("headers", None), more.pop("come_from", HOME)
    body = {"lists": BOTH, "email": email, "tickets_wanted": 1} | more
    path = "/v1/user/wishes/join-by-email"
    return await door.ask("POST", path, come_from=come_from, json=body, headers=headers)


async def test_an_address_is_enough_for_a_wish(door: Door) -> None:
    await door.shop.stock(where=LATER)
    once = {"Idempotency-Key": "one"}
    answer = await wish(door, tickets_wanted=2, tickets_minimum=1, choice="withdraw_when_held", headers=once)
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert (found["state"], found["choice"], found["mailed"]) == ("waiting", "withdraw_when_held", True)
    for where, one in zip((LIST, LATER), found["lists"], strict=True):
        entry = one["entry"]
        assert (entry["position"], entry["wish_id"], one["problem"]) == (1, found["wish_id"], None)
        assert (entry["tickets_wanted"], entry["tickets_minimum"]) == (2, 1)
        own = await door.with_token(one["token"], "GET", f"/v1/user/waiting-lists/{where}/entry")
        assert own.json()["number"] == 1
        page = await door.ask("GET", "/" + one["link"].split("/", 3)[3])
        assert (page.status_code, "ada@mail.example" in page.text) == (200, True)
    other = await door.with_token(found["lists"][0]["token"], "GET", f"/v1/user/waiting-lists/{LATER}/entry")
    problem(other, 403, "forbidden")
    again = await wish(door, tickets_wanted=2, tickets_minimum=1, choice="withdraw_when_held", headers=once)
    assert (again.status_code, again.content) == (201, answer.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    await door.verify()
    again = await wish(door, tickets_wanted=2, tickets_minimum=1, choice="withdraw_when_held", headers=once)
    assert (again.status_code, again.json()) == (202, {"wish_id": None, "lists": None, "mailed": True})


async def test_a_wish_shows_nothing_of_a_place_that_the_address_has_and_why_other_lists_refuse(
    door: Door,
) -> None:
    await door.shop.stock(where=LATER)
    await door.joined()
    seen = (await wish(door)).json()["lists"]
    nothing = dict.fromkeys(("entry", "problem", "token", "expires_at", "link"))
    assert seen[0] == BOTH[0] | nothing
    assert seen[1]["entry"]["number"] == 1
    await door.forget_letters()
    assert (await wish(door)).status_code == 202  # now it has both
    assert len(await door.rows("SELECT FROM sign_ins")) == 1
    await door.shop.made("PATCH", f"/waiting-lists/{LATER}", {"open": False})
    seen = (await wish(door, "bob@mail.example")).json()["lists"]
    assert (seen[0]["entry"]["number"], seen[0]["link"] is None) == (2, False)
    assert (seen[1]["problem"]["code"], seen[1]["link"]) == ("waiting_list_not_open", None)
    await door.shop.made("PATCH", f"/waiting-lists/{LIST}", {"open": False})
    problem(await wish(door, "cleo@mail.example"), 409, "waiting_list_not_open")
    assert len(await door.rows("SELECT FROM wishes")) == 2


async def test_limits_and_challenges_hold_for_a_wish_by_email_before_any_letter(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    await door.shop.stock(where=LATER)
    limit, joins = door.service.limits.join, 0

    async def counted(*who: Any) -> Any:
        nonlocal joins
        joins += 1
        return await limit(*who)

    door.service.email_joins._most_unverified = 1
    await door.joined("first@mail.example")
    await door.forget_letters()
    await door.shop.made("PATCH", f"/waiting-lists/{LATER}", {"join_challenge": "always"})
    monkeypatch.setattr(door.service.limits, "join", counted)
    refused = problem(await wish(door), 403, "challenge_required")
    assert await door.rows("SELECT FROM sign_ins UNION ALL SELECT FROM wishes") == []
    answer = await wish(door, challenge=solved(refused["challenge"]))
    first, second = answer.json()["lists"]
    assert (first["entry"], second["entry"]["number"]) == (None, 1)  # the network has its place in the first
    assert len(await door.rows("SELECT FROM sign_ins")) == 1
    assert joins == 4  # each list counts as one


@pytest.mark.slow
async def test_a_list_that_is_bombed_from_one_block_stays_usable(door: Door) -> None:
    joins, attempts = door.service.email_joins, 10_000

    async def attempt(email: str, address: str) -> int | None:
        fan, rule = await joins.fan(KEY, ContactFields(email=email))
        place = await joins.join(KEY, USER, fan, Wish(6), rule=rule, address=address, given=None)
        return place and place.entry.number

    got: list[int | None] = []
    for start in range(0, attempts, 500):
        got += await asyncio.gather(
            *(attempt(f"b{n}@mail.example", f"198.51.100.{n % 256}") for n in range(start, start + 500))
        )
    assert sorted(number for number in got if number) == list(range(1, 21))
    # All others join as if it had not been; fans of that network do, once they have opened their link.
    others = [await door.joined(f"o{n}@mail.example", come_from=f"203.0.{n}.1") for n in range(3)]
    assert [one["entry"]["position"] for one in others] == [21, 22, 23]
    assert (await door.shop.join("shopper"))["position"] == 24
    (letters,) = await door.rows("SELECT count(*) AS n FROM outbox")
    assert letters["n"] <= 4 * 300 + 10  # what one block may cause in an hour, and the letters to the others
    assert json.loads((await door.ask("GET", PATH)).text)["waiting"] == 24
