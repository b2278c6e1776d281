"""A place that its fan gives to another person: the same place, another user, once, and only where allowed."""

import asyncio
from datetime import timedelta

import pytest

from tests.lists.test_event_limit import LATE, event, limit, on  # noqa: F401 - the fixture
from tests.lists.test_outbox import add_webhook, told
from tests.support.lists import T0, USER, Lists
from waiting_list.lists import verbs
from waiting_list.lists.contact import Contact
from waiting_list.lists.models import Status
from waiting_list.postgres.pool import connection
from waiting_list.problems import (
    AddressTaken,
    AlreadyInList,
    AlreadyLeft,
    NotFound,
    NotInList,
    TooManyPlaces,
    TransferNotAllowed,
    WaitingListEnded,
)

ADA, BEN = "ada@example.org", "ben@example.org"


async def test_a_place_keeps_number_rank_wish_and_pause_and_has_another_user(lists: Lists) -> None:
    await add_webhook(lists, "entry.transferred")
    await lists.configure(transfer=True)
    await lists.join("zoe", 1)
    before = await lists.join("ada", 3, 2, email=ADA, email_verified=True)
    await lists.pause("ada")
    lists.later(minutes=5)
    after = await lists.transfer("ada", "ben", BEN)
    kept = before.model_dump() | {"user_id": "ben", "paused_at": T0}
    assert after.model_dump() == kept
    assert (await lists.entry("ben")).number == before.number
    with pytest.raises(NotInList):
        await lists.entry("ada")
    assert (await lists.history())[-1] == ("transfer", 2)
    (row,) = await lists.rows("SELECT actor, before::text, after::text FROM history WHERE verb = 'transfer'")
    assert tuple(row) == ("user", "{}", '{"transferred": true}')
    (contact,) = await lists.rows("SELECT email, locale, verified_at, link_hash FROM contacts WHERE number = 2")
    assert tuple(contact) == (BEN, "fr", lists.now, None)
    (body,) = await told(lists)
    assert (body["type"], body["data"]["entry"]["user_id"]) == ("entry.transferred", "ben")
    await lists.audit()


async def test_a_hold_keeps_its_deadline_and_the_former_user_cannot_buy_it(lists: Lists) -> None:
    await lists.configure(transfer=True)
    await lists.join("ada", 2, email=ADA, email_verified=True)
    await lists.add_stock(2)
    held = await lists.entry("ada")
    lists.later(minutes=5)
    after = await lists.transfer("ada", "ben", BEN)
    assert (after.status, after.tickets_held) == (Status.READY, 2)
    assert (after.ready_at, after.ready_until) == (held.ready_at, held.ready_until)
    async with lists.refused(NotInList):
        await lists.buy("ada")
    assert (await lists.buy("ben")).entry is not None
    await lists.audit()


async def test_the_phone_number_and_the_devices_of_the_former_user_end_with_the_place(lists: Lists) -> None:
    await lists.configure(transfer=True)
    await lists.join("ada", 1, email=ADA, email_verified=True)
    await lists.join("zoe", 1)
    for statement in (
        "INSERT INTO phones (list_id, number, phone, by_link, codes, asked_at, tries, verified_at)"
        " SELECT list_id, number, '+33612345678', false, 1, $1, 0, $1 FROM entries RETURNING 1",
        "INSERT INTO push_subscriptions (list_id, number, push_id, endpoint, p256dh, auth, by_link, created_at)"
        " SELECT list_id, number, gen_random_uuid(), 'https://example.org/', '', '', false, $1 FROM entries"
        " RETURNING 1",
    ):
        assert len(await lists.rows(statement, lists.now)) == 2
    offer = await lists.offer_transfer("ada", BEN)
    count = "SELECT 'phone' AS what, number FROM phones UNION ALL SELECT 'push', number FROM push_subscriptions"
    assert len(await lists.rows(count)) == 4, "an offer alone ends nothing"
    await lists.take_transfer(offer, "ben", BEN)
    assert {tuple(one) for one in await lists.rows(count)} == {("phone", 2), ("push", 2)}


async def test_only_where_the_organizer_allows_it_and_once(lists: Lists) -> None:
    await lists.join("ada", 1, email=ADA, email_verified=True)
    async with lists.refused(TransferNotAllowed):
        await lists.offer_transfer("ada", BEN)
    await lists.configure(transfer=True)
    offer = await lists.offer_transfer("ada", BEN)
    await lists.configure(transfer=False)
    async with lists.refused(TransferNotAllowed):
        await lists.take_transfer(offer, "ben", BEN)
    await lists.configure(transfer=True)
    await lists.take_transfer(offer, "ben", BEN)
    async with lists.refused(TransferNotAllowed):
        await lists.offer_transfer("ben", "cleo@example.org")
    async with lists.refused(NotFound):
        await lists.take_transfer(offer, "ben", BEN)
    # A new place is another one.
    await lists.leave("ben")
    await lists.join("ben", 1, email=BEN, email_verified=True)
    await lists.transfer("ben", "cleo", "cleo@example.org")
    await lists.audit()


async def test_an_offer_ends_when_it_is_taken_back_replaced_or_too_old(lists: Lists) -> None:
    await lists.configure(transfer=True)
    await lists.join("ada", 1, email=ADA, email_verified=True)
    first = await lists.offer_transfer("ada", BEN)
    second = await lists.offer_transfer("ada", "cleo@example.org")
    for offer, email in ((first, BEN), (second, BEN)):  # also with the address of another offer
        async with lists.refused(NotFound):
            await lists.take_transfer(offer, "ben", email)
    await lists.take_transfer_back("ada")
    await lists.take_transfer_back("ada")
    async with lists.refused(NotFound):
        await lists.take_transfer(second, "cleo", "cleo@example.org")
    third = await lists.offer_transfer("ada", BEN)
    lists.later(hours=48)
    async with lists.refused(NotFound):
        await lists.take_transfer(third, "ben", BEN)
    fourth = await lists.offer_transfer("ada", BEN)
    await lists.leave("ada")
    async with lists.refused(AlreadyLeft):
        await lists.take_transfer(fourth, "ben", BEN)


async def test_who_offers_is_confirmed_and_in_a_list_that_runs(lists: Lists) -> None:
    await lists.configure(transfer=True)
    async with lists.refused(NotInList):
        await lists.offer_transfer("ada", BEN)
    joined = await lists.join("ada", 1, email=ADA)
    async with lists.refused(TransferNotAllowed):
        await lists.offer_transfer("ada", BEN)
    await lists.verify("ada", joined.number, ADA)
    async with lists.refused(AddressTaken):
        await lists.offer_transfer("ada", "Ada+me@example.org")
    async with lists.refused(AlreadyLeft):  # the token of an earlier entry
        await lists.offer_transfer("ada", BEN, number=7)
    offer = await lists.offer_transfer("ada", BEN)
    lists.now += timedelta(days=40)
    for call in (lists.offer_transfer("ada", BEN), lists.take_transfer(offer, "ben", BEN)):
        async with lists.refused(WaitingListEnded if call.__name__ == "offer_transfer" else NotFound):
            await call


async def test_the_rules_of_the_list_hold_for_the_new_user(lists: Lists) -> None:
    await lists.configure(transfer=True, one_place_per_address=True)
    await lists.join("ada", 1, email=ADA, email_verified=True)
    await lists.join("ben", 1, email="other@example.org", email_verified=True)
    await lists.join("eve", 1, email="Eve+1@example.org", email_verified=True)
    taken = await lists.offer_transfer("ada", "eve@example.org")
    async with lists.refused(AddressTaken):
        await lists.take_transfer(taken, "eve2", "eve@example.org")
    offer = await lists.offer_transfer("ada", BEN)
    async with lists.refused(AlreadyInList):
        await lists.take_transfer(offer, "ben", BEN)
    # Who leaves their own place, further back, then has only the one that was given to them.
    lists.later(minutes=1)
    await lists.leave("ben")
    lists.later(minutes=1)
    taken_over = await lists.take_transfer(offer, "ben", BEN)
    assert taken_over.number == 1
    assert (await lists.entry("ben")).number == 1
    assert (await lists.change("ben", 1)).number == 1
    # Its mailbox is taken now, and that of the former user is free.
    with pytest.raises(AddressTaken):
        await lists.join("zoe", 1, email="ben+2@example.org", email_verified=True)
    await lists.join("ada", 1, email=ADA, email_verified=True)
    await lists.leave("ben")
    assert (await lists.entry("ben")).number == 1
    await lists.audit()


async def test_the_new_user_has_as_many_places_of_an_event_as_it_allows(event: Lists) -> None:  # noqa: F811
    await limit(event, 1)
    await event.configure(transfer=True)
    await event.join("ada", 1, email=ADA, email_verified=True)
    await on(event, LATE).join("ben", 1)
    offer = await event.offer_transfer("ada", BEN)
    async with event.refused(TooManyPlaces):
        await event.take_transfer(offer, "ben", BEN)
    await on(event, LATE).leave("ben")
    await event.take_transfer(offer, "ben", BEN)
    with pytest.raises(TooManyPlaces):
        await on(event, LATE).join("ben", 1)
    await on(event, LATE).join("ada", 1)


async def test_in_one_batch_the_former_user_has_the_place_no_more(lists: Lists) -> None:
    await lists.configure(transfer=True)
    first = await lists.join("ada", 1, email=ADA, email_verified=True)
    await lists.leave("ada")
    await lists.join("ada", 1, email=ADA, email_verified=True)
    offer = await lists.offer_transfer("ada", BEN)
    engine, key = lists.engine, lists.key
    async with connection(lists.pool) as acquired, acquired.transaction():
        await acquired.execute("SELECT FROM inventory WHERE list_id = $1 FOR UPDATE", key.list_id)
        calls = (
            engine.run(key, USER, verbs.transfer, transfer_id=offer, new_user_id="ben", email=BEN),
            engine.run(key, USER, verbs.leave, user_id="ada"),
            engine.run(key, USER, verbs.change, user_id="ben", tickets_wanted=1),
            engine.run(key, USER, verbs.join, user_id="ada", tickets_wanted=1, contact=Contact(email=ADA)),
        )
        tasks = [asyncio.ensure_future(call) for call in calls]
        await asyncio.sleep(0)
    given, left, changed, joined = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(left, AlreadyLeft)
    assert left.extra["entry"].number == first.number
    assert not isinstance(given, BaseException)
    assert not isinstance(changed, BaseException)
    assert not isinstance(joined, BaseException)
    assert [one.entry and (one.entry.user_id, one.entry.number) for one in (given, changed, joined)] == [
        ("ben", 2),
        ("ben", 2),
        ("ada", 3),
    ]
    await lists.audit()
