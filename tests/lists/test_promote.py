"""Promotion: both policies, partial acceptance, by hand; expired holds; the end of a list."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.lists import ORGANIZATION, ORGANIZER, START, T0, Lists
from waiting_list.lists import verbs
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import Entry, LeftReason, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.problems import HoldExpired, NotEnoughStock, NotReady, StockHeld, WaitingListEnded


async def fans(lists: Lists, **wanted: int | tuple[int, int]) -> None:
    for user_id, want in wanted.items():
        await lists.join(user_id, *(want if isinstance(want, tuple) else (want,)))


async def promoted(lists: Lists, quantity: int) -> list[tuple[str | None, int]]:
    return [(entry.user_id, entry.tickets_held) for entry in (await lists.add_stock(quantity)).promoted]


async def test_strict_stops_at_the_first_who_does_not_fit(lists: Lists) -> None:
    await fans(lists, ada=2, bob=3, cleo=1)
    assert await promoted(lists, 4) == [("ada", 2)]
    assert await promoted(lists, 1) == [("bob", 3)]
    assert await lists.line() == ["cleo"]
    await lists.audit()


async def test_skip_passes_over_who_does_not_fit_and_they_keep_their_place(lists: Lists) -> None:
    await lists.configure(policy="skip")
    await fans(lists, ada=4, bob=3, cleo=1, dan=2)
    assert await promoted(lists, 3) == [("bob", 3)]
    assert await promoted(lists, 3) == [("cleo", 1), ("dan", 2)]
    assert await lists.line() == ["ada"]
    assert await promoted(lists, 4) == [("ada", 4)]
    await lists.audit()


async def test_skip_passes_over_the_first_in_line_only_so_many_times(lists: Lists) -> None:
    await lists.configure(policy="skip", skip_limit=2)
    await fans(lists, group=6, bob=1, cleo=1, dan=1)
    assert await promoted(lists, 3) == [("bob", 1), ("cleo", 1)]
    assert await promoted(lists, 2) == []
    assert await lists.line() == ["group", "dan"]
    assert await promoted(lists, 3) == [("group", 6)]
    assert await lists.line() == ["dan"]
    await lists.audit()


@pytest.mark.parametrize("policy", ["strict", "skip"])
async def test_a_round_ends_although_tickets_are_free_and_all_in_line_accept_only_more(
    lists: Lists, policy: str
) -> None:
    """Also where the round reads entries that it has to pass over, it must not read them for ever."""
    await lists.configure(policy=policy)
    await lists.join("ada", 4)
    await lists.put_offer(3)

    async def misled(locked: LockedList) -> None:
        locked.largest_minimum = 0
        await verbs.add_stock(locked, quantity=3)

    async with asyncio.timeout(20):
        assert (await lists.engine.at(lists.now).run(lists.key, ORGANIZER, misled)).promoted == ()
    assert await lists.line() == ["ada"]
    assert await promoted(lists, 1) == []
    await lists.join("bob", 2)
    assert await lists.status("bob") is Status.READY
    await lists.audit()


@pytest.mark.parametrize("policy", ["strict", "skip"])
async def test_who_accepts_fewer_is_held_what_is_free(lists: Lists, policy: str) -> None:
    await lists.configure(policy=policy)
    await fans(lists, ada=(4, 2), bob=1)
    assert await promoted(lists, 1) == ([] if policy == "strict" else [("bob", 1)])
    assert await promoted(lists, 3) == [("ada", 4 if policy == "strict" else 3)]
    await lists.audit()


async def test_by_hand_nothing_is_promoted_until_the_organizer_says_how_many(lists: Lists) -> None:
    await lists.configure(automatic=False)
    await fans(lists, ada=2, bob=2)
    assert await promoted(lists, 4) == []
    assert [entry.user_id for entry in (await lists.promote(3)).promoted] == ["ada"]
    async with lists.refused(StockHeld):
        await lists.promote(3)
    async with lists.refused(NotEnoughStock):
        await lists.promote(5)
    assert [entry.user_id for entry in (await lists.configure(automatic=True)).promoted] == ["bob"]
    await lists.audit()


async def test_nobody_is_promoted_once_the_list_has_ended(lists: Lists) -> None:
    await fans(lists, ada=1)
    lists.now = START
    assert await promoted(lists, 1) == []
    async with lists.refused(WaitingListEnded):
        await lists.promote(1)


async def test_a_hold_lasts_its_minutes_but_never_longer_than_the_list(lists: Lists) -> None:
    await lists.configure(hold_minutes=90, closes_at=T0 + timedelta(hours=1))
    await fans(lists, ada=1)
    await lists.add_stock(1)
    assert (await lists.entry("ada")).ready_until == T0 + timedelta(hours=1)
    await lists.configure(closes_at=None)
    assert (await lists.entry("ada")).ready_until == T0 + timedelta(minutes=90)


async def test_a_lapsed_hold_passes_on_at_its_deadline_and_not_before(lists: Lists) -> None:
    await fans(lists, ada=1, bob=1)
    await lists.add_stock(1)
    lists.later(hours=24, microseconds=-1)
    await lists.expire()
    assert await lists.status("ada") is Status.READY
    lists.later(microseconds=1)
    assert [entry.user_id for entry in (await lists.expire()).promoted] == ["bob"]
    assert (await lists.entry("ada")).left_reason is LeftReason.EXPIRED
    await lists.audit()


async def test_requeue_makes_a_new_entry_last_with_a_new_number(lists: Lists) -> None:
    await lists.configure(after_expiry="requeue")
    await fans(lists, ada=1, bob=1, cleo=1)
    await lists.add_stock(1)
    lists.later(hours=24)
    await lists.expire()
    assert await lists.line() == ["cleo", "ada"]
    assert (await lists.entry("ada")).number == 4
    assert await lists.status("bob") is Status.READY
    await lists.audit()


async def test_when_the_show_begins_everybody_is_out_and_nothing_is_held(lists: Lists) -> None:
    await fans(lists, ada=1, bob=1, cleo=1)
    await lists.add_stock(1)
    await lists.end()
    assert await lists.line() == ["bob", "cleo"]
    lists.now = START
    await lists.end(at_most=2)
    await lists.end(at_most=2)
    assert {(await lists.entry(user)).left_reason for user in ("ada", "bob", "cleo")} == {LeftReason.ENDED}
    stock = await lists.inventory()
    assert (stock.available_stock, stock.held) == (1, 0)
    before = await lists.tables()
    await lists.end()
    assert await lists.tables() == before
    await lists.audit()


async def test_a_show_that_is_put_off_serves_who_waits_beside_free_tickets(lists: Lists) -> None:
    await fans(lists, ada=2)
    await lists.reschedule(datetime.now(UTC) - timedelta(minutes=1))
    lists.now = datetime.now(UTC)
    assert await promoted(lists, 2) == []
    await lists.reschedule(datetime.now(UTC) + timedelta(days=1))
    assert await lists.status("ada") is Status.READY
    await lists.audit()


async def test_who_left_sees_the_deadline_that_they_had(lists: Lists) -> None:
    await lists.configure(hold_minutes=90, closes_at=T0 + timedelta(hours=1))
    await fans(lists, ada=1, bob=1)
    await lists.add_stock(1)
    await lists.leave("bob")
    await lists.leave("ada")
    assert (await lists.entry("ada")).ready_until == T0 + timedelta(hours=1)
    assert (await lists.entry("bob")).ready_until is None

    async def exported(entries: Sequence[Entry]) -> None:
        assert [entry.user_id for entry in entries] == ["ada", "bob"]
        for entry in entries:
            own = entry.model_dump(exclude={"timezone", "address_failed", "name", "email"})
            assert Entry(**own) == await lists.entry(entry.user_id or "")

    await entry_queries.export_entries(lists.pool, ORGANIZATION, entry_queries.EntryFilter(), exported)


@pytest.mark.parametrize(("limit", "times"), [(1, 1), (2, 2), (None, 4)])
async def test_a_fan_who_never_buys_goes_to_the_end_only_so_often(
    lists: Lists, limit: int | None, times: int
) -> None:
    await lists.configure(after_expiry="requeue", requeue_limit=limit, hold_minutes=60)
    await lists.join("ada", 1)
    await lists.add_stock(1)
    for _ in range(4):
        lists.later(hours=1)
        await lists.expire()
    assert (await lists.entry("ada")).number == 1 + times
    left = (await lists.entry("ada")).left_reason
    assert left == (None if limit is None else LeftReason.EXPIRED)
    await lists.audit()
    if limit is not None:
        await lists.join("ada", 1)
        lists.later(hours=1)
        await lists.expire()
        assert (await lists.entry("ada")).number == 3 + times, "a new join starts anew"


async def test_a_purchase_after_the_deadline_has_the_same_code_where_the_fan_waits_again(lists: Lists) -> None:
    await lists.configure(after_expiry="requeue")
    await lists.join("ada", 2)
    await lists.add_stock(2)
    await lists.join("bob", 2)
    await lists.join("cleo", 1)
    lists.later(hours=24)
    async with lists.refused(HoldExpired):
        await lists.buy("ada")
    await lists.expire()
    assert await lists.line() == ["cleo", "ada"]
    async with lists.refused(HoldExpired):
        await lists.buy("ada")
    async with lists.refused(NotReady):
        await lists.buy("cleo")
