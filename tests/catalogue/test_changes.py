"""Concurrent calls of the catalogue that create the same object."""

import asyncio
from datetime import timedelta

import pytest

from tests.support.lists import ORGANIZATION, START, Lists
from tests.support.until import until
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue.models import OfferFields, RepresentationFields
from waiting_list.postgres.pool import Connection, connection, transaction
from waiting_list.problems import IdTaken


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
