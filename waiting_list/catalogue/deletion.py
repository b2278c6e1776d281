"""Delete from the catalogue: events, representations, offers and inventories, also with the entries of tests."""

from contextlib import suppress

from waiting_list.catalogue.changes import dependents
from waiting_list.catalogue.models import Event, Offer, Representation
from waiting_list.catalogue.queries import event, offer, representation
from waiting_list.lists import feed
from waiting_list.lists.engine import Caller
from waiting_list.lists.line import inventory
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import ActiveList, Inventory, ListKey
from waiting_list.postgres.pool import Pool, connection, transaction
from waiting_list.postgres.statements import sql
from waiting_list.problems import (
    EventNotFound,
    HasDependents,
    InventoryNotFound,
    OfferNotFound,
    RepresentationNotFound,
)

_ENTRIES_OF_LIST = (
    "delete_contacts_of_list",
    "delete_traces_of_list",
    "delete_pushes_of_list",
    "delete_phones_of_list",
    "delete_shared_links_of_list",
    "delete_idempotency_of_list",
    "delete_segments_of_list",
    "delete_entries_of_list",
)
"""The statements that delete the entries of a list, and all that is kept beside them."""
_NO_TEST = "This is no test: the event is no draft, or fans have joined its list. Erase its people first."


async def delete_event(pool: Pool, caller: Caller, event_id: str, *, with_entries: bool = False) -> Event:
    """Delete an event without representations and offers.

    `with_entries` also deletes these, and all lists of the event, each as `delete_inventory` does and in a
    transaction of its own. If a list has to stay, the call deletes none. If the call dies, a repeated one deletes
    the rest. Raises EventNotFound; HasDependents, with the lists that have to stay.
    """
    organization_id = _organization(caller)
    if with_entries:
        await event(pool, event_id, organization_id=organization_id)
        await _delete_lists(pool, caller, "read_lists_of_event", event_id)
    async with (
        dependents("The event has representations or offers. Delete them first."),
        transaction(pool) as acquired,
    ):
        if with_entries:
            await acquired.execute(sql("delete_offers_of_event"), organization_id, event_id)
            await acquired.execute(sql("delete_representations_of_event"), organization_id, event_id)
        record = await acquired.fetchrow(sql("delete_event"), organization_id, event_id)
    if record is None:
        raise EventNotFound("There is no such event.")
    return Event.from_record(record)


async def delete_representation(
    pool: Pool, caller: Caller, representation_id: str, *, with_entries: bool = False
) -> Representation:
    """Delete a representation without inventory; `with_entries`, also its lists, as `delete_event` does.

    Raises RepresentationNotFound, HasDependents.
    """
    organization_id = _organization(caller)
    if with_entries:
        await representation(pool, representation_id, organization_id=organization_id)
        await _delete_lists(pool, caller, "read_lists_of_representation", representation_id)
    async with dependents("The representation has inventory. Delete it first."), transaction(pool) as acquired:
        record = await acquired.fetchrow(sql("delete_representation"), organization_id, representation_id)
    if record is None:
        raise RepresentationNotFound("There is no such representation.")
    return Representation.from_record(record)


async def delete_offer(pool: Pool, caller: Caller, offer_id: str, *, with_entries: bool = False) -> Offer:
    """Delete an offer without inventory; `with_entries`, also its lists, as `delete_event` does.

    Raises OfferNotFound, HasDependents.
    """
    organization_id = _organization(caller)
    if with_entries:
        known = await offer(pool, offer_id, organization_id=organization_id)
        await _delete_lists(pool, caller, "read_lists_of_offer", offer_id, known.event_id)
    async with dependents("The offer has inventory. Delete it first."), transaction(pool) as acquired:
        record = await acquired.fetchrow(sql("delete_offer"), organization_id, offer_id)
    if record is None:
        raise OfferNotFound("There is no such offer.")
    return Offer.from_record(record)


async def delete_inventory(pool: Pool, caller: Caller, key: ListKey, *, with_entries: bool = False) -> Inventory:
    """Delete an inventory whose list has never had an entry, with its sent and pending notices.

    `with_entries` also deletes a list with entries if they are only tests: if its event is a draft, and no fan
    joined by themselves. Or if nobody is left in it: every person was erased. `deleted_lists` keeps its totals, so
    that the audit still counts it. Raises InventoryNotFound, HasDependents.
    """
    organization_id = _organization(caller)
    async with (
        dependents("Users have joined this list, so its inventory cannot be deleted."),
        transaction(pool) as acquired,
    ):
        locked = await LockedList.open(acquired, key, now=None)
        if locked is None or locked.list.organization_id != organization_id:
            raise InventoryNotFound()
        if with_entries and await _has_to_stay(locked):
            raise HasDependents(_NO_TEST)
        stock = await inventory(locked)
        await feed.forget_list(acquired, organization_id, key.list_id)
        if with_entries and locked.list.last_number:
            await acquired.execute(sql("insert_deleted_list"), key.list_id, locked.now, caller.actor)
            for statement in _ENTRIES_OF_LIST:
                await acquired.execute(sql(statement), key.list_id)
        await acquired.execute(sql("delete_notices_of_list"), key.list_id)
        await acquired.execute(sql("delete_news_of_list"), key.list_id)
        await acquired.execute(sql("delete_messages"), key.list_id)
        await acquired.execute(sql("delete_alerts_of_list"), key.list_id)
        await acquired.execute(sql("delete_transfers_of_list"), key.list_id)
        await acquired.execute(sql("delete_opening"), key.list_id)
        await acquired.execute(sql("delete_history"), key.list_id)
        await acquired.execute(sql("delete_subtrees"), key.list_id)
        await acquired.execute(sql("delete_draw_of_list"), key.list_id)
        await acquired.execute(sql("delete_checkpoint"), key.list_id)
        await acquired.execute(sql("delete_list"), key.list_id)
        return stock


async def _delete_lists(pool: Pool, caller: Caller, statement: str, *ids: str) -> None:
    """Delete the lists of an object of the caller's organization, after a look at all of them."""
    async with connection(pool) as acquired:
        keys = [ListKey(*one) for one in await acquired.fetch(sql(statement), *ids)]
    staying = []
    for key in keys:
        async with transaction(pool) as acquired:
            locked = await LockedList.open(acquired, key, now=None)
            if locked is not None and await _has_to_stay(locked):
                row = locked.list
                ready = await acquired.fetchval(sql("count_ready"), row.list_id)
                staying.append(ActiveList(**key._asdict(), waiting=row.waiting, ready=ready))
    if staying:
        raise HasDependents(_NO_TEST, lists=tuple(staying))
    for key in keys:
        with suppress(InventoryNotFound):  # deleted meanwhile
            await delete_inventory(pool, caller, key, with_entries=True)


async def _has_to_stay(locked: LockedList) -> bool:
    """Return whether a list has people, and is no test."""
    if not locked.list.last_number:
        return False
    people = await locked.connection.fetchrow(sql("has_people"), locked.list.list_id)
    assert people is not None
    return bool(people["named"] and (people["by_fans"] or not locked.draft))


def _organization(caller: Caller) -> str:
    assert caller.organization_id is not None
    return caller.organization_id
