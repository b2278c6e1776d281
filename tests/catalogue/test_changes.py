"""Concurrent calls of the catalogue that create the same object."""

import asyncio
from collections.abc import Container
from datetime import timedelta
from typing import Any

import pytest

from tests.support.lists import LIST, ORGANIZATION, ORGANIZER, START, Lists
from tests.support.until import until
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue import deletion
from waiting_list.catalogue.models import InventoryFields, OfferFields, RepresentationFields
from waiting_list.lists.models import Answer, ListKey
from waiting_list.lists.verbs.stock import ANY_VERSION
from waiting_list.postgres.pool import Connection, connection, lock_list, transaction
from waiting_list.problems import IdTaken, InvalidRequest, InventoryNotFound, StaleVersion


async def write(acquired: Connection, kind: str, organization_id: str, event_id: str) -> bool:
    if kind == "offer":
        offer = OfferFields(event_id=event_id, name="Balcony", max_quantity_per_order=2)
        return (await catalogue_changes.write_offer(acquired, organization_id, "new", offer))[1]
    fields = RepresentationFields(event_id=event_id, start_datetime=START, end_datetime=START + timedelta(hours=2))
    return (await catalogue_changes.write_representation(acquired, organization_id, "new", fields))[1]


async def second(lists: Lists, kind: str, organization_id: str, event_id: str, *, commits: bool) -> bool:
    """Make a call while another has written the same object and not committed; return what it answers."""

    async def write_it() -> bool:
        async with transaction(lists.pool) as acquired:
            return await write(acquired, kind, organization_id, event_id)

    async with connection(lists.pool) as first, connection(lists.pool) as watching:
        held = first.transaction()
        await held.start()
        assert await write(first, kind, ORGANIZATION, "ev_1")
        task = asyncio.create_task(write_it())
        await until(lambda: watching.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        await (held.commit() if commits else held.rollback())
        return await asyncio.wait_for(task, 5)


@pytest.mark.parametrize("kind", ["offer", "representation"])
async def test_the_same_put_twice_at_once_makes_it_once(lists: Lists, kind: str) -> None:
    assert await second(lists, kind, ORGANIZATION, "ev_1", commits=True) is False


@pytest.mark.parametrize("kind", ["offer", "representation"])
async def test_an_id_that_another_organization_takes_at_the_same_moment_is_taken(lists: Lists, kind: str) -> None:
    await lists.add_event("ev_2", "org_2")
    with pytest.raises(IdTaken):
        await second(lists, kind, "org_2", "ev_2", commits=True)


@pytest.mark.parametrize("kind", ["offer", "representation"])
async def test_an_id_that_another_organization_nearly_took_is_free(lists: Lists, kind: str) -> None:
    await lists.add_event("ev_2", "org_2")
    assert await second(lists, kind, "org_2", "ev_2", commits=False) is True


@pytest.mark.parametrize("kind", ["offer", "representation"])
async def test_what_moves_between_two_events_of_an_organization_stays_its_own(lists: Lists, kind: str) -> None:
    await lists.add_event("ev_2")
    assert await second(lists, kind, ORGANIZATION, "ev_2", commits=True) is False


STOCK = InventoryFields(total_stock=10, available_stock=4)


async def put(lists: Lists, versions: Container[int] | None = None) -> tuple[Answer, bool]:
    return await catalogue_changes.put_inventory(lists.pool, lists.engine, ORGANIZER, LIST, STOCK, versions)


@pytest.mark.parametrize("versions", [None, ANY_VERSION], ids=["without", "with If-Match"])
async def test_a_put_beside_a_delete_answers_what_is_true(
    lists: Lists, monkeypatch: pytest.MonkeyPatch, versions: Container[int] | None
) -> None:
    """The delete comes after the put has found the list, and before it locks it."""
    found = asyncio.Event()
    run = lists.engine.run

    async def deleted_before(*arguments: Any, **more: Any) -> Answer:
        if not found.is_set():
            found.set()
            await deletion.delete_inventory(lists.pool, ORGANIZER, LIST)
        return await run(*arguments, **more)

    monkeypatch.setattr(lists.engine, "run", deleted_before)
    if versions is None:
        answer, made = await put(lists)
        assert made
        assert answer.inventory == await lists.inventory()
    else:
        with pytest.raises(StaleVersion) as caught:
            await put(lists, versions)
        assert caught.value.extra == {}
        with pytest.raises(InventoryNotFound):
            await lists.inventory()
    assert found.is_set()


async def test_a_put_that_waits_for_a_delete_makes_the_inventory(lists: Lists) -> None:
    async with connection(lists.pool) as first, connection(lists.pool) as watching:
        held = first.transaction()
        await held.start()
        await lock_list(first, LIST.list_id)
        await first.execute("DELETE FROM history WHERE list_id = $1", LIST.list_id)
        await first.execute("DELETE FROM inventory WHERE list_id = $1", LIST.list_id)
        task = asyncio.create_task(put(lists))
        await until(lambda: watching.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        await held.commit()
        answer, made = await asyncio.wait_for(task, 5)
    assert made
    assert answer.inventory == await lists.inventory()
    await lists.audit()


async def test_a_put_of_an_offer_and_a_date_of_two_events_is_refused(lists: Lists) -> None:
    await lists.add_event("ev_2")
    await lists.add_list(ListKey("off_2", "rep_2"), event_id="ev_2")
    other = ListKey("off_1", "rep_2")
    for versions in (None, ANY_VERSION):
        with pytest.raises(InvalidRequest, match="different events"):
            await catalogue_changes.put_inventory(lists.pool, lists.engine, ORGANIZER, other, STOCK, versions)


async def test_puts_and_deletes_at_once_leave_what_the_last_says(lists: Lists) -> None:
    async def putting() -> list[bool]:
        return [(await put(lists))[1] for _ in range(20)]

    async def deleting() -> list[bool]:
        done = []
        for _ in range(20):
            try:
                await deletion.delete_inventory(lists.pool, ORGANIZER, LIST)
                done.append(True)
            except InventoryNotFound:
                done.append(False)
        return done

    made, gone = await asyncio.gather(putting(), deleting())
    there = await lists.rows("SELECT 1 FROM inventory WHERE list_id = $1", LIST.list_id)
    assert 1 + sum(made) - sum(gone) == len(there)
    await lists.audit()
