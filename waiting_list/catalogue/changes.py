"""Change the catalogue: create and change events, representations, offers and inventories.

A ticketing platform syncs its catalogue with these calls. Each is one transaction, and puts are idempotent.
Objects of another organization look as if they did not exist, except that their ids are taken: ids are unique in a
deployment.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import asyncpg

from waiting_list.catalogue.insert_new import NewList, create_lists
from waiting_list.catalogue.models import (
    Event,
    EventFields,
    InventoryFields,
    Offer,
    OfferFields,
    Representation,
    RepresentationFields,
)
from waiting_list.catalogue.news import announce_event, note_change
from waiting_list.catalogue.queries import offer, representation
from waiting_list.lists import verbs
from waiting_list.lists.ending import people_of_ending, refuse_to_end
from waiting_list.lists.engine import SERVICE, Caller, Engine
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import CLOCK, Answer, ListKey
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.verbs.stock import ANY_VERSION
from waiting_list.looks import image_address
from waiting_list.postgres.pool import Connection, Pool, Record, clock, connection, has_citus, transaction
from waiting_list.postgres.statements import sql
from waiting_list.problems import (
    EventNotFound,
    HasDependents,
    IdTaken,
    InvalidRequest,
    InventoryNotFound,
    StaleVersion,
)

TELLS_FOR_SECONDS = 1.0
"""How long a change of the catalogue tells its lists before it answers."""


async def put_event(
    pool: Pool,
    organization_id: str,
    event_id: str,
    fields: EventFields,
    *,
    engine: Engine | None = None,
    actor: str = CLOCK,
) -> tuple[Event, bool]:
    """Create or change an event, and return whether it was created.

    With the `engine`, its lists learn of the change at once, otherwise from the worker. Raises IdTaken;
    HasDependents for a draft that fans have joined, or to archive an event for which fans wait.
    """
    async with transaction(pool) as acquired:
        put, made = await write_event(acquired, organization_id, event_id, fields, actor=actor)
        keys = [] if made else await acquired.fetch(sql("read_lists_of_event"), event_id)
    if engine is not None:
        await tell_lists(engine, keys)
    return put, made


async def tell_lists(engine: Engine, keys: Iterable[Record]) -> None:
    """Let lists learn of changes around them, in one transaction each.

    After a second the caller gets its answer, and the worker tells the lists that are left, as after a call that
    died: many long lists would keep the caller waiting.
    """
    began = time.monotonic()
    for key in keys:
        if time.monotonic() - began > TELLS_FOR_SECONDS:
            return
        with suppress(InventoryNotFound):  # deleted meanwhile
            await engine.run(ListKey(*key), SERVICE, verbs.catch_up)


async def write_event(
    acquired: Connection,
    organization_id: str,
    event_id: str,
    fields: EventFields,
    *,
    keeps_limit: bool = False,
    actor: str = CLOCK,
) -> tuple[Event, bool]:
    """Do `put_event` within a transaction of the caller. With `keeps_limit`, an existing event keeps its
    `max_places_per_person`, and stays the draft or the published, listed or archived event that it is."""
    if fields.draft or fields.archived:
        await _go_one_by_one(acquired)
    if fields.draft and await acquired.fetchval(sql("event_has_entries"), event_id, organization_id):
        raise HasDependents("Users have joined lists of this event, so it cannot become a draft.")
    if fields.archived and await acquired.fetchval(sql("event_is_under_way"), event_id, organization_id):
        raise HasDependents("Users wait or hold tickets for a coming date, so the event cannot be archived.")
    before = dict(await acquired.fetchrow(sql("lock_event_facts"), event_id, organization_id) or {})
    record = await acquired.fetchrow(
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
        fields.draft,
        None if keeps_limit else fields.unlisted,
        None if keeps_limit else fields.archived,
    )
    if record is None:
        raise IdTaken(f"The event id {event_id} is already in use. Choose another id.")
    kept = {name: record[name] for name in ("unlisted", "archived")}
    kept["image_url"] = image_address(record["image"])
    event = Event(event_id=event_id, organization_id=organization_id, **fields.model_dump() | kept)
    if before:
        keys = await acquired.fetch(sql("read_lists_of_event"), event_id)
        shown = event.model_dump(mode="json")
        if await note_change(acquired, "change_event", keys, before, shown, actor=actor):
            await announce_event(acquired, organization_id, shown, before)
    return event, record["made"]


async def put_representation(
    pool: Pool,
    engine: Engine,
    caller: Caller,
    representation_id: str,
    fields: RepresentationFields,
    *,
    end_lists: bool = False,
) -> tuple[Representation, bool]:
    """Create or change a representation, and return whether it was created.

    A new start moves the end of its lists, and the deadlines that depended on it, at once. Then each of its lists
    is settled in a transaction of its own, because a list that had ended may have free tickets and waiting fans. A
    repeated call settles them again. If somebody waits or holds tickets, `moved_from` keeps the start that they
    knew first. Raises EventNotFound, IdTaken, HasDependents; WouldEndList unless `end_lists`.
    """
    assert caller.organization_id is not None
    async with transaction(pool) as acquired:
        put, made = await write_representation(
            acquired,
            caller.organization_id,
            representation_id,
            fields,
            end_lists=end_lists,
            actor=caller.actor,
        )
    if not made:
        async with connection(pool) as acquired:
            keys = await acquired.fetch(sql("read_lists_of_representation"), representation_id)
        await tell_lists(engine, keys)
    return put, made


async def _reconsider(pool: Pool, engine: Engine, caller: Caller, statement: str, *ids: str) -> None:
    """Settle each list of an object that has changed, in a transaction of its own."""
    async with connection(pool) as acquired:
        keys = await acquired.fetch(sql(statement), *ids)
    for key in keys:
        with suppress(InventoryNotFound):  # deleted meanwhile
            await engine.run(ListKey(*key), caller, verbs.reconsider)


async def write_representation(
    acquired: Connection,
    organization_id: str,
    representation_id: str,
    fields: RepresentationFields,
    *,
    end_lists: bool = False,
    now: datetime | None = None,
    actor: str = CLOCK,
) -> tuple[Representation, bool]:
    """Do `put_representation` within a transaction of the caller. `now` replaces the database clock."""
    await _lock_event(acquired, organization_id, fields.event_id)
    values = fields.event_id, fields.start_datetime, fields.end_datetime

    before: dict[str, Any] = {}

    async def check() -> None:
        before.update(await acquired.fetchrow(sql("read_dates"), representation_id) or {})
        before["moved"] = await _moved_from(acquired, representation_id, before, fields.start_datetime)
        if not end_lists and fields.start_datetime <= (now or await clock(acquired)):
            await _go_one_by_one(acquired)
            await _check_ends(acquired, representation_id, fields.start_datetime, now)

    async with dependents("The representation has inventory, so it cannot move to another event."):
        made = await _put(
            acquired,
            "lock_representation",
            "put_representation",
            organization_id,
            representation_id,
            *values,
            check=check,
        )
    dates = fields.model_dump(include={*RepresentationFields.model_fields})
    kept = {
        name: before.pop(name) for name in ("cancelled_at", "cancelled_reason", "moved_from") if name in before
    }
    if before:
        moved = before.pop("moved")
        if moved != kept["moved_from"]:
            await acquired.execute(sql("set_moved_from"), representation_id, moved)
            kept["moved_from"] = moved
        keys = await acquired.fetch(sql("read_lists_of_representation"), representation_id)
        await note_change(acquired, "reschedule", keys, before, dates, actor=actor)
    return Representation(representation_id=representation_id, **dates, **kept), made


async def _moved_from(
    acquired: Connection, representation_id: str, before: Mapping[str, Any], start: datetime
) -> datetime | None:
    """Return what `moved_from` becomes with a new start: the start that was announced first since somebody waits.

    It is None if nobody waits or holds tickets, and for a start that is back where it was.
    """
    was: datetime = before["start_datetime"]
    moved_from: datetime | None = before["moved_from"]
    if start == was:
        return moved_from
    await _go_one_by_one(acquired)
    if start == moved_from or not await acquired.fetchval(sql("representation_has_people"), representation_id):
        return None
    return moved_from or was


async def _go_one_by_one(acquired: Connection) -> None:
    """Let the transaction read lists of all nodes of a Citus cluster, then write a table that every node has."""
    if has_citus(acquired):
        await acquired.execute(sql("distribute_one_by_one"))


async def _check_ends(acquired: Connection, representation_id: str, start: datetime, now: datetime | None) -> None:
    """Raise WouldEndList if a start that has passed would end lists with people in them.

    It locks the lists of the representation, in the order of their ids, until the transaction ends: so no fan
    joins between the check and the change. The caller has locked the representation, so no list is new.
    """
    keys = [ListKey(*one) for one in await acquired.fetch(sql("read_lists_of_representation"), representation_id)]
    ending = []
    for key in sorted(keys, key=lambda key: key.list_id):
        locked = await LockedList.open(acquired, key, now=now)
        if locked and (people := await people_of_ending(locked, start)):
            ending.append(people)
    refuse_to_end(ending)


async def put_offer(
    pool: Pool, engine: Engine, caller: Caller, offer_id: str, fields: OfferFields
) -> tuple[Offer, bool]:
    """Create or change an offer, and return whether it was created.

    No later hold has more tickets than the new maximum; present holds keep theirs. An entry whose minimum is above
    it keeps its place, and is passed over. Then each list of the offer is settled in a transaction of its own,
    because with a higher maximum free tickets may fit fans who were passed over. A repeated call settles them
    again. Raises EventNotFound, IdTaken, HasDependents.
    """
    assert caller.organization_id is not None
    async with transaction(pool) as acquired:
        put, made = await write_offer(acquired, caller.organization_id, offer_id, fields)
    if not made:
        await _reconsider(pool, engine, caller, "read_lists_of_offer", offer_id, fields.event_id)
    return put, made


async def write_offer(
    acquired: Connection, organization_id: str, offer_id: str, fields: OfferFields
) -> tuple[Offer, bool]:
    """Do `put_offer` within a transaction of the caller."""
    await _lock_event(acquired, organization_id, fields.event_id)
    async with dependents("The offer has inventory, so it cannot move to another event."):
        values = fields.event_id, fields.name, fields.type, fields.max_quantity_per_order, fields.description
        made = await _put(acquired, "lock_offer", "put_offer", organization_id, offer_id, *values)
    return Offer(offer_id=offer_id, **fields.model_dump()), made


async def put_inventory(
    pool: Pool,
    engine: Engine,
    caller: Caller,
    key: ListKey,
    fields: InventoryFields,
    versions: Container[int] | None = None,
) -> tuple[Answer, bool]:
    """Create an inventory, or set its stock, and return the answer and whether it was created.

    The list of a new inventory is open if no tickets are available. With `versions`, the call changes an inventory
    of one of these versions only, and creates none. An inventory that is deleted during the call is created again.
    Raises OfferNotFound, RepresentationNotFound, InvalidRequest if the two belong to different events, and the
    problems of `verbs.put_stock`.
    """
    organization_id = caller.organization_id
    assert organization_id is not None
    allowed = ANY_VERSION if versions is None else versions
    while True:
        if versions is None:
            async with transaction(pool) as acquired:
                made = await create_lists(acquired, caller.actor, [NewList(organization_id, key, fields)])
            if made:
                shown = await list_queries.inventory(pool, key, organization_id=organization_id)
                return Answer(entry=None, inventory=shown, settings=None), True
        with suppress(InventoryNotFound):
            put = engine.run(key, caller, verbs.put_stock, **fields.model_dump(), versions=allowed)
            return await put, False
        its_offer = await offer(pool, key.offer_id, organization_id=organization_id)
        date = await representation(pool, key.representation_id, organization_id=organization_id)
        if its_offer.event_id != date.event_id:
            raise InvalidRequest.of(
                "representation_id", "the offer and the representation belong to different events"
            )
        if versions is not None:
            raise StaleVersion("There is no such inventory. Send the request without If-Match to create it.")


async def _lock_event(acquired: Connection, organization_id: str, event_id: str) -> None:
    if await acquired.fetchval(sql("lock_event"), event_id, organization_id) is None:
        raise EventNotFound("There is no such event.")


async def _put(
    acquired: Connection,
    lock: str,
    put: str,
    organization_id: str,
    object_id: str,
    *values: object,
    check: Callable[[], Awaitable[None]] | None = None,
) -> bool:
    """Write an object that belongs to the organization or is new, and return whether it was created.

    `check` runs before an object that exists is changed, once its row is locked.
    It takes two statements, because Citus does not support a subquery for the owner in an INSERT.
    """
    made = None
    while made is None:  # If another caller created it between the two statements, the next round sees it.
        owner = await acquired.fetchval(sql(lock), object_id)
        if owner not in (None, organization_id):
            raise IdTaken(f"The id {object_id} is already in use. Choose another id.")
        if check and owner is not None:
            await check()
        made = await acquired.fetchval(sql(put), object_id, owner is not None, *values)
    return bool(made)


@asynccontextmanager
async def dependents(detail: str) -> AsyncIterator[None]:
    """Raise HasDependents if the database refuses a change because other rows depend on the object."""
    try:
        yield
    except asyncpg.ForeignKeyViolationError as error:
        raise HasDependents(detail) from error
