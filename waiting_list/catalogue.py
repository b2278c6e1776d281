"""The catalogue that a ticketing platform syncs: idempotent puts, deletes, and the organization's API keys.

Each call is one transaction. Objects of another organization answer as if they did not exist, but for
their ids, which are unique in a deployment.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import asyncpg

from waiting_list import promotion, reading, stock
from waiting_list.database import Connection, Pool, connection, sql, transaction
from waiting_list.engine import SERVICE, Caller, Engine
from waiting_list.ledger import Ledger
from waiting_list.models import (
    Event,
    EventFields,
    Inventory,
    InventoryFields,
    ListKey,
    Offer,
    OfferFields,
    Representation,
    RepresentationFields,
)
from waiting_list.problems import (
    EventNotFound,
    HasDependents,
    IdTaken,
    InvalidRequest,
    InventoryNotFound,
    OfferNotFound,
    RepresentationNotFound,
)


async def put_event(pool: Pool, organization_id: str, event_id: str, fields: EventFields) -> tuple[Event, bool]:
    """Makes or changes an event; says whether it was made. Raises IdTaken."""
    async with transaction(pool) as acquired:
        return await write_event(acquired, organization_id, event_id, fields)


async def write_event(
    acquired: Connection,
    organization_id: str,
    event_id: str,
    fields: EventFields,
    *,
    keeps_limit: bool = False,
) -> tuple[Event, bool]:
    """put_event within a transaction of the caller's. With `keeps_limit` the `max_places_per_person` of an event
    that exists stays, whatever `fields` say."""
    made = await acquired.fetchval(
        sql("put_event"),
        event_id,
        organization_id,
        fields.title,
        fields.description,
        fields.thumbnail_url,
        fields.venue_name,
        fields.venue_address,
        fields.timezone,
        fields.max_places_per_person,
        keeps_limit,
    )
    if made is None:
        raise IdTaken(f"The event id {event_id} is taken.")
    return Event(event_id=event_id, organization_id=organization_id, **fields.model_dump()), made


async def put_representation(
    pool: Pool, engine: Engine, caller: Caller, representation_id: str, fields: RepresentationFields
) -> tuple[Representation, bool]:
    """Makes or changes a representation; says whether it was made.

    A new start moves the end of its lists, and the deadlines that were cut by it, at once. Each of its lists
    is then settled in a transaction of its own: one that had ended may have free tickets and fans who wait.
    Repeating the call repeats that, too. Raises EventNotFound, IdTaken, HasDependents.
    """
    assert caller.organization_id is not None
    async with transaction(pool) as acquired:
        put, made = await write_representation(acquired, caller.organization_id, representation_id, fields)
    if not made:
        async with connection(pool) as acquired:
            keys = await acquired.fetch(sql("read_lists_of_representation"), representation_id)
        for key in keys:
            with suppress(InventoryNotFound):  # deleted meanwhile
                await engine.run(ListKey(*key), SERVICE, promotion.reconsider)
    return put, made


async def write_representation(
    acquired: Connection, organization_id: str, representation_id: str, fields: RepresentationFields
) -> tuple[Representation, bool]:
    """put_representation within a transaction of the caller's."""
    await _lock_event(acquired, organization_id, fields.event_id)
    async with _dependents("The representation has stock under another event."):
        values = fields.event_id, fields.start_datetime, fields.end_datetime
        made = await _put(
            acquired, "lock_representation", "put_representation", organization_id, representation_id, *values
        )
    return Representation(representation_id=representation_id, **fields.model_dump()), made


async def put_offer(pool: Pool, organization_id: str, offer_id: str, fields: OfferFields) -> tuple[Offer, bool]:
    """Makes or changes an offer; says whether it was made.

    A lower maximum binds new joins and changes; entries keep what they were given. Raises EventNotFound,
    IdTaken, HasDependents.
    """
    async with transaction(pool) as acquired:
        return await write_offer(acquired, organization_id, offer_id, fields)


async def write_offer(
    acquired: Connection, organization_id: str, offer_id: str, fields: OfferFields
) -> tuple[Offer, bool]:
    """put_offer within a transaction of the caller's."""
    await _lock_event(acquired, organization_id, fields.event_id)
    async with _dependents("The offer has stock under another event."):
        values = fields.event_id, fields.name, fields.type, fields.max_quantity_per_order, fields.description
        made = await _put(acquired, "lock_offer", "put_offer", organization_id, offer_id, *values)
    return Offer(offer_id=offer_id, **fields.model_dump()), made


async def put_inventory(
    pool: Pool, engine: Engine, caller: Caller, key: ListKey, fields: InventoryFields
) -> tuple[Inventory, bool]:
    """Makes an inventory, or sets its stock; says whether it was made.

    A new one without available tickets has its list open. Raises OfferNotFound, RepresentationNotFound,
    InvalidRequest where the two belong to different events, and what `stock.put_stock` names.
    """
    assert caller.organization_id is not None
    async with transaction(pool) as acquired:
        made = await create_list(acquired, caller, key, fields)
    if made is not None:
        return made, True
    try:
        answer = await engine.run(key, caller, stock.put_stock, **fields.model_dump())
    except InventoryNotFound:
        await reading.offer(pool, key.offer_id, organization_id=caller.organization_id)
        await reading.representation(pool, key.representation_id, organization_id=caller.organization_id)
        raise InvalidRequest.of(
            "representation_id", "the offer and the representation belong to different events"
        ) from None
    assert answer.inventory is not None
    return answer.inventory, False


async def create_list(
    acquired: Connection,
    caller: Caller,
    key: ListKey,
    fields: InventoryFields,
    *,
    now: datetime | None = None,
) -> Inventory | None:
    """Makes an inventory within a transaction of the caller's; None if it exists or cannot be made."""
    is_open = fields.waiting_list_open
    created = await acquired.fetchval(
        sql("insert_list"),
        key.list_id,
        caller.organization_id,
        *key,
        fields.total_stock,
        fields.available_stock,
        fields.available_stock == 0 if is_open is None else is_open,
        is_open is False,
    )
    if created is None:
        return None
    ledger = await Ledger.open(acquired, key, now=now)
    assert ledger is not None, "the list was made in this transaction"
    ledger.begin(caller.actor)
    ledger.record_creation()
    await ledger.flush()
    return ledger.list.inventory


async def delete_event(pool: Pool, organization_id: str, event_id: str) -> Event:
    """Deletes an event that nothing hangs on. Raises EventNotFound, HasDependents."""
    async with _dependents("The event has representations or offers."), transaction(pool) as acquired:
        record = await acquired.fetchrow(sql("delete_event"), organization_id, event_id)
    if record is None:
        raise EventNotFound("There is no such event.")
    return Event.from_record(record)


async def delete_representation(pool: Pool, organization_id: str, representation_id: str) -> Representation:
    """Deletes a representation without stock. Raises RepresentationNotFound, HasDependents."""
    async with _dependents("The representation has stock."), transaction(pool) as acquired:
        record = await acquired.fetchrow(sql("delete_representation"), organization_id, representation_id)
    if record is None:
        raise RepresentationNotFound("There is no such representation.")
    return Representation.from_record(record)


async def delete_offer(pool: Pool, organization_id: str, offer_id: str) -> Offer:
    """Deletes an offer without stock. Raises OfferNotFound, HasDependents."""
    async with _dependents("The offer has stock."), transaction(pool) as acquired:
        record = await acquired.fetchrow(sql("delete_offer"), organization_id, offer_id)
    if record is None:
        raise OfferNotFound("There is no such offer.")
    return Offer.from_record(record)


async def delete_inventory(pool: Pool, organization_id: str, key: ListKey) -> Inventory:
    """Deletes an inventory whose list nobody ever joined, and the notices about it, sent or not.

    Raises InventoryNotFound, HasDependents.
    """
    async with _dependents("Users have joined this list."), transaction(pool) as acquired:
        ledger = await Ledger.open(acquired, key, now=None)
        if ledger is None or ledger.list.organization_id != organization_id:
            raise InventoryNotFound()
        await acquired.execute(sql("delete_notices_of_list"), key.list_id)
        await acquired.execute(sql("delete_history"), key.list_id)
        await acquired.execute(sql("delete_list"), key.list_id)
        return ledger.list.inventory


async def _lock_event(acquired: Connection, organization_id: str, event_id: str) -> None:
    if await acquired.fetchval(sql("lock_event"), event_id, organization_id) is None:
        raise EventNotFound("There is no such event.")


async def _put(
    acquired: Connection, lock: str, put: str, organization_id: str, object_id: str, *values: object
) -> bool:
    """Writes what is not another organization's; says whether it was made.

    Two statements, since Citus takes no subquery in an INSERT that says whose the object is.
    """
    made = None
    while made is None:  # Whoever made it between the two is seen by the next look.
        owner = await acquired.fetchval(sql(lock), object_id)
        if owner not in (None, organization_id):
            raise IdTaken(f"The id {object_id} is taken.")
        made = await acquired.fetchval(sql(put), object_id, owner is not None, *values)
    return bool(made)


@asynccontextmanager
async def _dependents(detail: str) -> AsyncIterator[None]:
    try:
        yield
    except asyncpg.ForeignKeyViolationError as error:
        raise HasDependents(detail) from error
