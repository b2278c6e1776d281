"""Granting: an organizer gives one person tickets now, past the line."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.lists.test_outbox import add_webhook, emails, told, types
from tests.support.lists import ORGANIZATION, START, T0, Lists
from waiting_list.lists.engine import Engine
from waiting_list.lists.models import LeftReason, Status
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.statistics import read_statistics
from waiting_list.problems import (
    HoldExpired,
    InvalidRequest,
    NotEnoughStock,
    StockHeld,
    TooManyTickets,
    WaitingListEnded,
)
from waiting_list.settings import Settings


async def _line(lists: Lists) -> None:
    """ada wants 4, bob 2, cleo 1; one ticket is free."""
    for user, wanted in (("ada", 4), ("bob", 2), ("cleo", 1)):
        await lists.join(user, wanted)
    await lists.add_stock(1)


async def test_a_waiting_fan_gets_free_tickets_past_the_line(lists: Lists) -> None:
    await _line(lists)
    answer = await lists.grant("bob", 1, reason="Wheelchair user")
    assert answer.entry is not None
    assert (answer.entry.status, answer.entry.tickets_held, answer.entry.tickets_minimum) == (Status.READY, 1, 1)
    assert (answer.entry.tickets_wanted, answer.entry.ready_until) == (2, T0 + timedelta(days=1))
    assert answer.promoted == ()
    assert await lists.line() == ["ada", "cleo"]
    rows = await lists.rows("SELECT verb, actor, reason FROM history WHERE reason IS NOT NULL")
    assert [tuple(row) for row in rows] == [("grant", "organizer:test", "Wheelchair user")]
    await lists.audit()
    await lists.buy("bob")
    await lists.audit()


async def test_over_capacity_total_and_available_grow_by_what_is_missing(lists: Lists) -> None:
    await _line(lists)
    before = await lists.inventory()
    answer = await lists.grant("cleo", 3, add_stock=True)
    assert answer.entry is not None
    assert (answer.entry.tickets_held, answer.entry.tickets_wanted) == (3, 3)
    after = await lists.inventory()
    assert (after.total_stock, after.available_stock) == (before.total_stock + 2, before.available_stock + 2)
    assert (after.held, after.free) == (3, 0)
    await lists.grant("cleo", 1, add_stock=True)
    assert (await lists.entry("cleo")).tickets_held == 4
    await lists.audit()


async def test_a_grant_of_the_first_in_line_serves_the_next_with_what_is_free(lists: Lists) -> None:
    await lists.join("ada", 4)
    await lists.join("bob", 1)
    await lists.add_stock(3)
    answer = await lists.grant("ada", 2)
    assert [entry.user_id for entry in answer.promoted] == ["bob"]
    await lists.audit()


async def test_a_user_who_is_not_in_the_list_joins_and_is_ready_even_if_fans_cannot_join(lists: Lists) -> None:
    await _line(lists)
    await lists.configure(open=False, max_waiting=1)
    entry = (await lists.grant("eve", 1)).entry
    assert entry is not None
    assert (entry.number, entry.status, entry.tickets_held, entry.tickets_wanted) == (4, Status.READY, 1, 1)
    assert (await lists.history())[-2:] == [("join", 4), ("grant", 4)]
    await lists.leave("bob")
    await lists.grant("bob", 2, add_stock=True)
    assert (await lists.entry("bob")).number == 5
    await lists.audit()


async def test_a_ready_fan_gets_more_and_keeps_the_pass_and_the_later_deadline(lists: Lists) -> None:
    await lists.join("ada", 1)
    await lists.add_stock(3)
    before = await lists.entry("ada")
    lists.later(hours=1)
    entry = (await lists.grant("ada", 2)).entry
    assert entry is not None
    assert (entry.tickets_held, entry.tickets_wanted, entry.tickets_minimum) == (3, 3, 1)
    assert (entry.ready_at, entry.ready_until) == (before.ready_at, T0 + timedelta(hours=25))
    await lists.extend("ada", until=T0 + timedelta(days=3))
    await lists.grant("ada", 1, add_stock=True)
    assert (await lists.entry("ada")).ready_until == T0 + timedelta(days=3)
    await lists.audit()


async def test_without_more_capacity_only_free_tickets_can_be_given(lists: Lists) -> None:
    await lists.join("ada", 2)
    await lists.join("bob", 3)
    await lists.add_stock(3)
    async with lists.refused(StockHeld) as held:
        await lists.grant("bob", 2)
    assert held[0].extra == {"free": 1}
    async with lists.refused(NotEnoughStock) as enough:
        await lists.grant("bob", 4)
    assert enough[0].extra == {"available": 3}
    for tickets in (0, -1):
        async with lists.refused(InvalidRequest):
            await lists.grant("bob", tickets)


async def test_no_hold_has_more_tickets_than_an_order_may_have(lists: Lists) -> None:
    async with lists.refused(TooManyTickets) as caught:
        await lists.grant("ada", 7, add_stock=True)
    assert caught[0].extra == {"maximum": 6}
    await lists.grant("ada", 4, add_stock=True)
    async with lists.refused(TooManyTickets):
        await lists.grant("ada", 3, add_stock=True)


async def test_after_the_end_nothing_is_granted_and_a_lapsed_hold_must_go_first(lists: Lists) -> None:
    await lists.grant("ada", 1, add_stock=True)
    lists.later(hours=24)
    async with lists.refused(HoldExpired):
        await lists.grant("ada", 1, add_stock=True)
    await lists.expire()
    assert (await lists.entry("ada")).left_reason is LeftReason.EXPIRED
    await lists.grant("ada", 1, add_stock=True)
    assert await lists.status("ada") is Status.READY
    lists.now = START
    async with lists.refused(WaitingListEnded):
        await lists.grant("bob", 1, add_stock=True)


async def test_a_fan_whose_address_nobody_has_verified_can_be_given_tickets(lists: Lists) -> None:
    await lists.configure(verify_email=True)
    await lists.join("ada", 2, email="ada@example.org")
    await lists.grant("ada", 2, add_stock=True)
    assert await lists.status("ada") is Status.READY
    await lists.audit()


async def test_a_revoked_grant_waits_at_its_old_place(lists: Lists) -> None:
    await _line(lists)
    await lists.grant("bob", 1)
    await lists.remove_stock(1, revoke_holds=True)
    assert await lists.line() == ["ada", "bob", "cleo"]
    await lists.audit()


async def test_everybody_can_see_how_often_the_organizer_gave_tickets(lists: Lists) -> None:
    await _line(lists)
    await lists.grant("bob", 3, add_stock=True)
    await lists.grant("eve", 1, add_stock=True)
    assert (await list_queries.waiting_list(lists.pool, lists.key)).granted == 2
    told = await read_statistics(lists.pool, lists.key, organization_id=ORGANIZATION, period="hour")
    assert (told.grants, told.promotions) == (2, 2)
    # ada wants 4 and cleo 1; the wish of bob left the line as it was before the grant.
    assert told.periods[-1].tickets_waiting == 5
    await lists.audit()


async def test_the_fan_and_the_webhooks_learn_of_a_grant(lists: Lists, tmp_path: Path) -> None:
    lists.engine = Engine(lists.pool, Settings(mail_folder=tmp_path))
    await add_webhook(lists)
    address: dict[str, Any] = {"email": "ada@example.org"}
    await lists.join("ada", 1, **address)
    await emails(lists)
    await told(lists)
    await lists.grant("ada", 1, add_stock=True)
    assert await types(lists) == ["entry.granted", "stock.changed"]
    reminder = T0 + timedelta(hours=23)
    assert await emails(lists) == [("ready", 1, T0), ("reminder", 1, reminder)]
    # A fan who has left hears of it at the earlier address.
    await lists.leave("ada")
    await told(lists)
    lists.later(minutes=1)
    await lists.grant("ada", 1, add_stock=True)
    assert await types(lists) == ["entry.joined", "entry.granted", "stock.changed"]
    assert ("ready", 2, lists.now) in await emails(lists)
