"""Coalesced reads: concurrent polls share a query, and each gets its own answer, not older than its question."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.lists import ORGANIZATION, USER, Lists
from waiting_list.lists import verbs
from waiting_list.lists.models import Entry
from waiting_list.lists.queries.coalesced import CoalescedReads
from waiting_list.postgres.pool import Pool, connection
from waiting_list.problems import InventoryNotFound, NotInList, Unavailable
from waiting_list.settings import Settings


@contextmanager
def statements_of(acquired: Any) -> Iterator[list[str]]:
    said: list[str] = []
    with acquired.query_logger(lambda record: said.append(record.query)):
        yield said


@pytest.fixture
async def one(pool: Pool) -> Any:
    """A connection, and a pool that has only this one."""
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
        await lists.engine.run(lists.key, USER, verbs.join, user_id=user, tickets_wanted=1)
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


async def test_a_snapshot_is_made_once_until_the_queue_changes(lists: Lists, one: Any) -> None:
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


async def test_a_snapshot_of_another_list_of_the_same_name_is_another(lists: Lists) -> None:
    """A list that was deleted and created again starts at the same version."""
    reads = CoalescedReads(lists.pool, Settings())
    before = await reads.queue_snapshot(lists.key)
    async with connection(lists.pool) as acquired:
        await acquired.execute("UPDATE inventory SET available_stock = 1")
    after = await reads.queue_snapshot(lists.key)
    assert after.tag != before.tag
    assert b'"free":1' in after.body
