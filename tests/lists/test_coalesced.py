"""Polls: many at once are one query, each with its own answer, none older than the question."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.lists import ORGANIZATION, Lists
from tests.support.lists import USER as _USER
from tests.support.shop import LIST, Shop, problem
from waiting_list.access import authentication
from waiting_list.lists import verbs
from waiting_list.lists.models import Entry
from waiting_list.lists.queries.coalesced import CoalescedReads
from waiting_list.postgres.pool import Pool, connection
from waiting_list.problems import InventoryNotFound, NotInList, Unavailable
from waiting_list.settings import Settings


class _Later(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime.now(tz) + timedelta(seconds=32)


@contextmanager
def statements_of(acquired: Any) -> Iterator[list[str]]:
    said: list[str] = []
    with acquired.query_logger(lambda record: said.append(record.query)):
        yield said


@pytest.fixture
async def one(pool: Pool) -> Any:
    """What the polls of a test go through: every connection that is taken is this one."""
    async with pool.acquire() as acquired:

        class Only:
            def acquire(self, **_: Any) -> Any:
                return self

            async def __aenter__(self) -> Any:
                return acquired

            async def __aexit__(self, *_: object) -> None:
                return None

        yield acquired, Only()


async def test_polls_in_flight_are_answered_by_one_query_each_with_its_own_answer(lists: Lists, one: Any) -> None:
    acquired, pool = one
    users = [f"u{n}" for n in range(60)]
    for user in users:
        await lists.join(user)
    reads = CoalescedReads(pool, Settings())
    asked = [*users, "stranger", *users]
    with statements_of(acquired) as said:
        answers = await asyncio.gather(
            *(reads.entry(lists.key, user, organization_id=ORGANIZATION) for user in asked),
            reads.entry(lists.key, "u1", organization_id="org_2"),
            return_exceptions=True,
        )
    assert len(said) <= 2
    *own, other = answers
    assert isinstance(other, InventoryNotFound)
    for user, answer in zip(asked, own, strict=True):
        if user == "stranger":
            assert isinstance(answer, NotInList)
        else:
            assert isinstance(answer, Entry)
            assert (answer.user_id, answer.position) == (user, int(user[1:]) + 1)


async def test_who_has_joined_sees_it_in_the_next_poll(lists: Lists) -> None:
    reads = CoalescedReads(lists.pool, Settings())

    async def join_and_look(user: str) -> None:
        await lists.engine.run(lists.key, _USER, verbs.join, user_id=user, tickets_wanted=1)
        entry = await reads.entry(lists.key, user, organization_id=ORGANIZATION)
        assert entry.user_id == user
        assert (entry.position or 0) >= 1

    await asyncio.gather(*(join_and_look(f"u{n}") for n in range(100)))


async def test_too_many_polls_are_refused_at_once(lists: Lists) -> None:
    await lists.join("ada")
    reads = CoalescedReads(lists.pool, Settings(list_queue_limit=5))
    asked = (reads.entry(lists.key, "ada", organization_id=ORGANIZATION) for _ in range(50))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert {type(answer) for answer in answers} == {Entry, Unavailable}
    assert 0 < len(refused) < 50
    assert refused[0].headers == {"Retry-After": "1"}
    assert isinstance(await reads.entry(lists.key, "ada", organization_id=ORGANIZATION), Entry)


async def test_a_picture_is_made_once_until_the_queue_changes(lists: Lists, one: Any) -> None:
    acquired, pool = one
    await lists.join("ada")
    reads = CoalescedReads(pool, Settings())
    first = await reads.queue_snapshot(lists.key)
    with statements_of(acquired) as said:
        again = await asyncio.gather(*(reads.queue_snapshot(lists.key) for _ in range(40)))
    assert len(said) <= 2
    assert all(snapshot is first for snapshot in again)
    await lists.join("bob")
    changed = await reads.queue_snapshot(lists.key)
    assert changed.tag != first.tag
    assert b'"waiting":2' in changed.body


async def test_a_picture_of_another_list_of_the_same_name_is_another(lists: Lists) -> None:
    """Deleted and made again, a list starts at the same version."""
    reads = CoalescedReads(lists.pool, Settings())
    before = await reads.queue_snapshot(lists.key)
    async with connection(lists.pool) as acquired:
        await acquired.execute("UPDATE inventory SET available_stock = 1")
    after = await reads.queue_snapshot(lists.key)
    assert after.tag != before.tag
    assert b'"free":1' in after.body


async def test_a_known_token_is_refused_once_it_has_expired(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.stock()
    token = (await shop.made("POST", "/user-tokens", {"user_id": "ada", "expires_in": 1}))["token"]
    path, headers = f"/v1/user/waiting-lists/{LIST}/entry", {"Authorization": f"Bearer {token}"}
    problem(await shop.http.get(path, headers=headers), 404, "not_in_list")
    problem(await shop.http.get(path, headers=headers), 404, "not_in_list")
    real = authentication.time.time
    monkeypatch.setattr(authentication.time, "time", lambda: real() + 32)
    monkeypatch.setattr("jwt.api_jwt.datetime", _Later)
    problem(await shop.http.get(path, headers=headers), 401, "unauthenticated")


async def test_only_so_many_tokens_are_kept(shop: Shop, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "_TOKENS_KEPT", 3)
    for n in range(10):
        await shop.user(f"u{n}", "GET")
    assert len(app.state.service.authenticator._users) == 3


async def test_a_revoked_key_is_refused_also_among_calls_in_flight(shop: Shop) -> None:
    created = await shop.made("POST", "/api-keys", {"name": "second"})
    before = await asyncio.gather(*(shop.organizer("GET", "/events", key=created["key"]) for _ in range(20)))
    assert {answer.status_code for answer in before} == {200}
    assert (await shop.organizer("DELETE", f"/api-keys/{created['key_id']}")).status_code == 200
    after = await asyncio.gather(*(shop.organizer("GET", "/events", key=created["key"]) for _ in range(20)))
    assert {answer.status_code for answer in after} == {401}
    # The same id with another secret is nobody's.
    wrong = created["key"][:-4] + ("aaaa" if not created["key"].endswith("aaaa") else "bbbb")
    problem(await shop.organizer("GET", "/events", key=wrong), 401, "unauthenticated")
