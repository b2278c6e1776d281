"""Giving back a part of a hold. What is given back passes on in the same transaction."""

from datetime import timedelta

import pytest

from tests.lists.test_outbox import add_webhook
from tests.support.lists import ORGANIZER, T0, Lists
from waiting_list.lists import verbs
from waiting_list.lists.models import LeftReason, Status
from waiting_list.lists.queries.statistics import read_statistics
from waiting_list.problems import AlreadyLeft, HoldExpired, InvalidRequest, NotInList, NotReady, WrongQuantity


async def _held(lists: Lists, wanted: int = 4, minimum: int | None = None) -> None:
    await lists.join("ada", wanted, minimum)
    await lists.add_stock(wanted)


async def test_what_is_given_back_goes_to_the_next_in_line_at_once(lists: Lists) -> None:
    await _held(lists)
    await lists.join("bob", 2)
    await lists.join("cleo", 1)
    before = await lists.entry("ada")
    answer = await lists.give_back("ada", 2)
    assert answer.entry is not None
    assert (answer.entry.status, answer.entry.tickets_held) == (Status.READY, 2)
    assert [entry.user_id for entry in answer.promoted] == ["bob"]
    assert (answer.entry.ready_at, answer.entry.ready_until) == (before.ready_at, before.ready_until)
    stock = await lists.inventory()
    assert (stock.available_stock, stock.held, stock.free) == (4, 4, 0)
    await lists.audit()
    await lists.buy("ada")
    assert (await lists.inventory()).available_stock == 2
    await lists.audit()


async def test_the_wish_shrinks_to_what_stays_held_and_so_does_a_larger_minimum(lists: Lists) -> None:
    await _held(lists, 4, 3)
    entry = (await lists.give_back("ada", 1)).entry
    assert entry is not None
    assert (entry.tickets_wanted, entry.tickets_minimum, entry.tickets_held) == (3, 3, 3)
    entry = (await lists.give_back("ada", 2)).entry
    assert entry is not None
    assert (entry.tickets_wanted, entry.tickets_minimum, entry.tickets_held) == (1, 1, 1)
    await lists.engine.at(lists.now).run(lists.key, ORGANIZER, verbs.remove_stock, quantity=4, revoke_holds=True)
    assert (await lists.entry("ada")).tickets_wanted == 1
    told = await read_statistics(lists.pool, lists.key, organization_id="org_1", period="hour")
    assert told.periods[-1].tickets_waiting == 1
    await lists.audit()


async def test_giving_back_all_is_leaving(lists: Lists) -> None:
    await _held(lists, 2)
    entry = (await lists.give_back("ada", 2)).entry
    assert entry is not None
    assert (entry.status, entry.left_reason) == (Status.LEFT, LeftReason.CANCELLED)
    assert (await lists.history())[-1] == ("leave", 1)
    await lists.audit()


async def test_giving_back_what_is_not_held_is_refused(lists: Lists) -> None:
    async with lists.refused(NotInList):
        await lists.give_back("ada", 1)
    await lists.join("ada", 2)
    async with lists.refused(NotReady):
        await lists.give_back("ada", 1)
    await lists.add_stock(2)
    async with lists.refused(WrongQuantity) as caught:
        await lists.give_back("ada", 3)
    assert caught[0].extra == {"held": 2}
    for quantity in (0, -1):
        async with lists.refused(InvalidRequest):
            await lists.give_back("ada", quantity)
    lists.now = T0 + timedelta(hours=24)
    async with lists.refused(HoldExpired):
        await lists.give_back("ada", 1)
    async with lists.refused(HoldExpired):
        await lists.give_back("ada", 2)
    lists.now = T0
    await lists.leave("ada")
    async with lists.refused(AlreadyLeft):
        await lists.give_back("ada", 1)


async def test_in_a_list_that_is_released_by_hand_tickets_that_are_given_back_stay_free(lists: Lists) -> None:
    await _held(lists)
    await lists.configure(automatic=False)
    await lists.join("bob", 2)
    assert (await lists.give_back("ada", 2)).promoted == ()
    assert (await lists.inventory()).free == 2
    await lists.audit()


async def test_a_webhook_learns_of_the_smaller_hold(lists: Lists) -> None:
    await add_webhook(lists)
    await _held(lists)
    await lists.give_back("ada", 1)
    rows = await lists.rows("SELECT type FROM outbox WHERE webhook_id IS NOT NULL ORDER BY sequence DESC LIMIT 2")
    assert {row["type"] for row in rows} == {"entry.changed", "stock.changed"}


@pytest.mark.parametrize("wanted", [1, 5])
async def test_an_organizer_changes_a_wish_with_a_reason(lists: Lists, wanted: int) -> None:
    await lists.join("ada", 3)
    await lists.join("bob", 1)
    await lists.engine.at(lists.now).run(
        lists.key, ORGANIZER, verbs.change, user_id="ada", tickets_wanted=wanted, reason="Asked by phone"
    )
    assert await lists.line() == (["ada", "bob"] if wanted == 1 else ["bob", "ada"])
    rows = await lists.rows("SELECT verb, actor, reason FROM history WHERE reason IS NOT NULL ORDER BY sequence")
    told = [(row["verb"], row["actor"], row["reason"]) for row in rows]
    expected = [("change", "organizer:test", "Asked by phone")]
    assert told == (expected if wanted == 1 else [("move", *expected[0][1:]), *expected])
    await lists.audit()
