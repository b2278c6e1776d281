"""The organizer router: catalogue, stock, entries, settings, history, users' data, tokens and keys."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, Query, Response, Security
from fastapi.responses import StreamingResponse
from pydantic import Field, model_validator

from waiting_list import catalogue, problems, reading
from waiting_list.answers import (
    AUTHENTICATED,
    WITH_BODY,
    ChangedEntry,
    ChangedInventory,
    ChangedSettings,
    Listing,
    UserToken,
    declared,
)
from waiting_list.auth import User
from waiting_list.calls import (
    ChangingCaller,
    CurrentOrganizer,
    CurrentService,
    Cursor,
    Ids,
    Limit,
    List,
    OrganizerRoute,
    PathId,
    PostCaller,
    Service,
    answer,
    api_key,
    page,
    with_passes,
)
from waiting_list.models import (
    Answer,
    Change,
    CreatedKey,
    Entry,
    Erasure,
    Event,
    EventFields,
    Flag,
    Frozen,
    Id,
    Instant,
    Inventory,
    InventoryFields,
    KeyInfo,
    LeftReason,
    ListSettings,
    ListSummary,
    Offer,
    OfferFields,
    Quantity,
    Representation,
    RepresentationFields,
    SettingsChange,
    Statistics,
    Status,
    Title,
    UserExport,
)

router = APIRouter(
    prefix="/v1/organizer",
    route_class=OrganizerRoute,
    tags=["organizer"],
    dependencies=[Security(api_key)],
)
INVENTORY = "/inventory/{offer_id}/{representation_id}"
LIST = "/waiting-lists/{offer_id}/{representation_id}"
POSTED = (*AUTHENTICATED, *WITH_BODY, problems.IdempotencyKeyReused)
PUT = (*AUTHENTICATED, *WITH_BODY)
MADE: dict[int | str, dict[str, Any]] = {201: {"description": "It was made."}}
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


class StockChange(Frozen):
    """How many tickets."""

    quantity: Quantity


class StockRemoval(StockChange):
    """How many tickets, and whether the newest holds are revoked for them."""

    revoke_holds: Flag = False


class JoiningFor(Frozen):
    """Who joins, and how many tickets they want, or would take at least."""

    user_id: Id
    tickets_wanted: Quantity
    tickets_minimum: Quantity | None = None


class Purchase(Frozen):
    """How many tickets were bought; left out: all that are held."""

    quantity: Quantity | None = None


class Move(Frozen):
    """Where the user goes: either `to` or `before`."""

    to: Literal["first", "last"] | None = None
    before: Id | None = Field(default=None, description="The user who will be right behind.")

    @model_validator(mode="after")
    def _names_one_place(self) -> Self:
        if (self.to is None) == (self.before is None):
            raise ValueError("give either to or before")
        return self


class Release(Frozen):
    """How many free tickets are released."""

    tickets: Quantity


class TokenRequest(Frozen):
    """For whom, and for how many seconds, a token is good."""

    user_id: Id
    expires_in: Annotated[Quantity, Field(le=86_400)] = 3600


class KeyRequest(Frozen):
    """What a new API key is called, and whether it may only read."""

    name: Title
    read_only: Flag = False


def _filter(
    user_id: Ids = None,
    event_id: Ids = None,
    offer_id: Ids = None,
    representation_id: Ids = None,
    status: Annotated[list[Status] | None, Query()] = None,
    left_reason: Annotated[list[LeftReason] | None, Query()] = None,
    joined_before: Annotated[Instant | None, Query()] = None,
    joined_after: Annotated[Instant | None, Query()] = None,
) -> reading.EntryFilter:
    return reading.EntryFilter(
        user_id, event_id, offer_id, representation_id, status, left_reason, joined_before, joined_after
    )


Filter = Annotated[reading.EntryFilter, Depends(_filter)]


# Catalogue


@router.get(
    "/events", operation_id="list_events", response_model=Listing[Event], responses=declared(AUTHENTICATED)
)
async def list_events(
    service: CurrentService,
    organizer: CurrentOrganizer,
    event_id: Ids = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The organization's events."""
    found = await reading.events(
        service.pool, organizer.organization_id, event_id=event_id, limit=limit, cursor=cursor
    )
    return page(found, Event)


@router.get(
    "/events/{event_id}",
    operation_id="get_event",
    response_model=Event,
    responses=declared([*AUTHENTICATED, problems.EventNotFound]),
)
async def get_event(service: CurrentService, organizer: CurrentOrganizer, event_id: PathId) -> Response:
    """One event."""
    return answer(await reading.event(service.pool, event_id, organization_id=organizer.organization_id))


@router.put(
    "/events/{event_id}",
    operation_id="put_event",
    response_model=Event,
    responses=MADE | declared([*PUT, problems.IdTaken]),
)
async def put_event(
    service: CurrentService, organizer: CurrentOrganizer, event_id: PathId, body: EventFields
) -> Response:
    """Make or change an event."""
    put, made = await catalogue.put_event(service.pool, organizer.organization_id, event_id, body)
    return answer(put, status=201 if made else 200)


@router.delete(
    "/events/{event_id}",
    operation_id="delete_event",
    response_model=Event,
    responses=declared([*AUTHENTICATED, problems.EventNotFound, problems.HasDependents]),
)
async def delete_event(service: CurrentService, organizer: CurrentOrganizer, event_id: PathId) -> Response:
    """Delete an event without representations and offers."""
    return answer(await catalogue.delete_event(service.pool, organizer.organization_id, event_id))


@router.get(
    "/representations",
    operation_id="list_representations",
    response_model=Listing[Representation],
    responses=declared(AUTHENTICATED),
)
async def list_representations(
    service: CurrentService,
    organizer: CurrentOrganizer,
    representation_id: Ids = None,
    event_id: Ids = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The organization's representations."""
    found = await reading.representations(
        service.pool,
        organizer.organization_id,
        representation_id=representation_id,
        event_id=event_id,
        limit=limit,
        cursor=cursor,
    )
    return page(found, Representation)


@router.get(
    "/representations/{representation_id}",
    operation_id="get_representation",
    response_model=Representation,
    responses=declared([*AUTHENTICATED, problems.RepresentationNotFound]),
)
async def get_representation(
    service: CurrentService, organizer: CurrentOrganizer, representation_id: PathId
) -> Response:
    """One representation."""
    return answer(
        await reading.representation(service.pool, representation_id, organization_id=organizer.organization_id)
    )


@router.put(
    "/representations/{representation_id}",
    operation_id="put_representation",
    response_model=Representation,
    responses=MADE | declared([*PUT, problems.EventNotFound, problems.IdTaken, problems.HasDependents]),
)
async def put_representation(
    service: CurrentService,
    organizer: CurrentOrganizer,
    representation_id: PathId,
    body: RepresentationFields,
) -> Response:
    """Make or change a representation. A new start moves the end of its lists at once."""
    put, made = await catalogue.put_representation(
        service.pool, organizer.organization_id, representation_id, body
    )
    return answer(put, status=201 if made else 200)


@router.delete(
    "/representations/{representation_id}",
    operation_id="delete_representation",
    response_model=Representation,
    responses=declared([*AUTHENTICATED, problems.RepresentationNotFound, problems.HasDependents]),
)
async def delete_representation(
    service: CurrentService, organizer: CurrentOrganizer, representation_id: PathId
) -> Response:
    """Delete a representation without inventory."""
    return answer(
        await catalogue.delete_representation(service.pool, organizer.organization_id, representation_id)
    )


@router.get(
    "/offers", operation_id="list_offers", response_model=Listing[Offer], responses=declared(AUTHENTICATED)
)
async def list_offers(
    service: CurrentService,
    organizer: CurrentOrganizer,
    offer_id: Ids = None,
    event_id: Ids = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The organization's offers."""
    found = await reading.offers(
        service.pool,
        organizer.organization_id,
        offer_id=offer_id,
        event_id=event_id,
        limit=limit,
        cursor=cursor,
    )
    return page(found, Offer)


@router.get(
    "/offers/{offer_id}",
    operation_id="get_offer",
    response_model=Offer,
    responses=declared([*AUTHENTICATED, problems.OfferNotFound]),
)
async def get_offer(service: CurrentService, organizer: CurrentOrganizer, offer_id: PathId) -> Response:
    """One offer."""
    return answer(await reading.offer(service.pool, offer_id, organization_id=organizer.organization_id))


@router.put(
    "/offers/{offer_id}",
    operation_id="put_offer",
    response_model=Offer,
    responses=MADE | declared([*PUT, problems.EventNotFound, problems.IdTaken, problems.HasDependents]),
)
async def put_offer(
    service: CurrentService, organizer: CurrentOrganizer, offer_id: PathId, body: OfferFields
) -> Response:
    """Make or change an offer."""
    put, made = await catalogue.put_offer(service.pool, organizer.organization_id, offer_id, body)
    return answer(put, status=201 if made else 200)


@router.delete(
    "/offers/{offer_id}",
    operation_id="delete_offer",
    response_model=Offer,
    responses=declared([*AUTHENTICATED, problems.OfferNotFound, problems.HasDependents]),
)
async def delete_offer(service: CurrentService, organizer: CurrentOrganizer, offer_id: PathId) -> Response:
    """Delete an offer without inventory."""
    return answer(await catalogue.delete_offer(service.pool, organizer.organization_id, offer_id))


# Stock


@router.get(
    "/inventory",
    operation_id="list_inventory",
    response_model=Listing[Inventory],
    responses=declared(AUTHENTICATED),
)
async def list_inventory(
    service: CurrentService,
    organizer: CurrentOrganizer,
    event_id: Ids = None,
    offer_id: Ids = None,
    representation_id: Ids = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The organization's stock."""
    found = await reading.inventories(
        service.pool,
        organizer.organization_id,
        event_id=event_id,
        offer_id=offer_id,
        representation_id=representation_id,
        limit=limit,
        cursor=cursor,
    )
    return page(found, Inventory)


@router.get(
    INVENTORY,
    operation_id="get_inventory",
    response_model=Inventory,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound]),
)
async def get_inventory(service: CurrentService, organizer: CurrentOrganizer, key: List) -> Response:
    """The stock of an offer at a representation."""
    return answer(await reading.inventory(service.pool, key, organization_id=organizer.organization_id))


@router.put(
    INVENTORY,
    operation_id="put_inventory",
    response_model=Inventory,
    responses=MADE | declared([*PUT, problems.OfferNotFound, problems.RepresentationNotFound, problems.StockHeld]),
)
async def put_inventory(
    service: CurrentService, caller: ChangingCaller, key: List, body: InventoryFields
) -> Response:
    """Make an inventory, or set its stock to what the ticketing platform says."""
    put, made = await catalogue.put_inventory(service.pool, service.engine, caller, key, body)
    return answer(put, status=201 if made else 200)


@router.delete(
    INVENTORY,
    operation_id="delete_inventory",
    response_model=Inventory,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound, problems.HasDependents]),
)
async def delete_inventory(service: CurrentService, organizer: CurrentOrganizer, key: List) -> Response:
    """Delete an inventory whose list nobody ever joined."""
    return answer(await catalogue.delete_inventory(service.pool, organizer.organization_id, key))


@router.post(
    INVENTORY + "/add-stock",
    operation_id="add_stock",
    response_model=ChangedInventory,
    responses=declared([*POSTED, problems.InventoryNotFound, problems.ExceedsTotalStock]),
)
async def add_stock(service: CurrentService, caller: PostCaller, key: List, body: StockChange) -> Response:
    """Tickets come back: available grows, never beyond total, and the next in line become ready."""
    return await _changed_inventory(service, service.engine.add_stock(key, caller, quantity=body.quantity))


@router.post(
    INVENTORY + "/remove-stock",
    operation_id="remove_stock",
    response_model=ChangedInventory,
    responses=declared([*POSTED, problems.InventoryNotFound, problems.NotEnoughStock, problems.StockHeld]),
)
async def remove_stock(service: CurrentService, caller: PostCaller, key: List, body: StockRemoval) -> Response:
    """Tickets were sold or withdrawn elsewhere: available shrinks, by free tickets only, unless
    `revoke_holds` sends the newest holds back to their place."""
    call = service.engine.remove_stock(key, caller, quantity=body.quantity, revoke_holds=body.revoke_holds)
    return await _changed_inventory(service, call)


@router.post(
    INVENTORY + "/add-total-stock",
    operation_id="add_total_stock",
    response_model=ChangedInventory,
    responses=declared([*POSTED, problems.InventoryNotFound]),
)
async def add_total_stock(service: CurrentService, caller: PostCaller, key: List, body: StockChange) -> Response:
    """Capacity grows: total and available both, and the next in line become ready."""
    call = service.engine.add_total_stock(key, caller, quantity=body.quantity)
    return await _changed_inventory(service, call)


@router.post(
    INVENTORY + "/remove-total-stock",
    operation_id="remove_total_stock",
    response_model=ChangedInventory,
    responses=declared([*POSTED, problems.InventoryNotFound, problems.NotEnoughStock, problems.StockHeld]),
)
async def remove_total_stock(
    service: CurrentService, caller: PostCaller, key: List, body: StockChange
) -> Response:
    """Capacity shrinks: total and available both, by free tickets only."""
    call = service.engine.remove_total_stock(key, caller, quantity=body.quantity)
    return await _changed_inventory(service, call)


# Waiting lists and entries


@router.get(
    "/waiting-lists",
    operation_id="list_waiting_lists",
    response_model=Listing[ListSummary],
    responses=declared(AUTHENTICATED),
)
async def list_waiting_lists(
    service: CurrentService,
    organizer: CurrentOrganizer,
    only: Filter,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """One row for each list: entries and tickets by status, held, free, the oldest wait. Entry filters
    choose which entries are counted, and leave out lists without any."""
    found = await reading.waiting_lists(service.pool, organizer.organization_id, only, limit=limit, cursor=cursor)
    return page(found, ListSummary)


@router.get(
    LIST,
    operation_id="get_settings",
    response_model=ListSettings,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound]),
)
async def get_settings(service: CurrentService, organizer: CurrentOrganizer, key: List) -> Response:
    """The settings of a list."""
    return answer(await reading.list_settings(service.pool, key, organization_id=organizer.organization_id))


@router.patch(
    LIST,
    operation_id="configure",
    response_model=ChangedSettings,
    responses=declared([*PUT, problems.InventoryNotFound]),
)
async def configure(service: CurrentService, caller: ChangingCaller, key: List, body: SettingsChange) -> Response:
    """Change settings of a list; what is left out stays."""
    call = service.engine.configure(key, caller, settings=body)
    answered: Answer = await with_passes(service.authority, call)
    assert answered.settings is not None
    return answer(ChangedSettings(**dict(answered.settings), promoted=list(answered.promoted)))


@router.get(
    "/entries",
    operation_id="list_entries",
    response_model=Listing[Entry],
    responses=declared(AUTHENTICATED),
)
async def list_entries(
    service: CurrentService,
    organizer: CurrentOrganizer,
    only: Filter,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Entries in queue order, list by list."""
    found = await reading.entries(service.pool, organizer.organization_id, only, limit=limit, cursor=cursor)
    items = [await service.authority.with_pass(entry) for entry in found.items]
    return page(found._replace(items=items), Entry)


@router.get(
    "/entries.csv",
    operation_id="export_entries",
    response_class=StreamingResponse,
    responses=CSV | declared(AUTHENTICATED),
)
async def export_entries(service: CurrentService, organizer: CurrentOrganizer, only: Filter) -> Response:
    """The same entries as CSV, all of them, streamed. Without purchase passes, which are the users' own."""
    rows = reading.export_entries(service.pool, organizer.organization_id, only)
    first = await anext(rows, None)  # a database out of reach is then still a problem, not half a file
    headers = {"Content-Disposition": 'attachment; filename="entries.csv"'}
    return StreamingResponse(_csv(first, rows), media_type="text/csv; charset=utf-8", headers=headers)


@router.post(
    LIST + "/entries",
    operation_id="join_for_user",
    status_code=201,
    response_model=ChangedEntry,
    responses=declared(
        [
            *POSTED,
            problems.InventoryNotFound,
            problems.WaitingListEnded,
            problems.WaitingListNotOpen,
            problems.AlreadyInList,
            problems.TooManyTickets,
            problems.WaitingListFull,
        ]
    ),
)
async def join_for_user(service: CurrentService, caller: PostCaller, key: List, body: JoiningFor) -> Response:
    """A user joins the list, on their behalf."""
    call = service.engine.join(
        key,
        caller,
        user_id=body.user_id,
        tickets_wanted=body.tickets_wanted,
        tickets_minimum=body.tickets_minimum,
    )
    return await _changed_entry(service, call, status=201)


@router.get(
    LIST + "/entries/{user_id}",
    operation_id="get_entry_of_user",
    response_model=Entry,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound, problems.NotInList]),
)
async def get_entry_of_user(
    service: CurrentService, organizer: CurrentOrganizer, key: List, user_id: PathId
) -> Response:
    """A user's latest entry in the list."""
    entry = await reading.entry(service.pool, key, user_id, organization_id=organizer.organization_id)
    return answer(await service.authority.with_pass(entry))


@router.delete(
    LIST + "/entries/{user_id}",
    operation_id="remove",
    response_model=ChangedEntry,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound, problems.NotInList, problems.AlreadyLeft]),
)
async def remove(service: CurrentService, caller: ChangingCaller, key: List, user_id: PathId) -> Response:
    """Take a user out of the list."""
    return await _changed_entry(service, service.engine.remove(key, caller, user_id=user_id))


@router.post(
    LIST + "/entries/{user_id}/purchase",
    operation_id="buy",
    response_model=ChangedEntry,
    responses=declared(
        [
            *POSTED,
            problems.InventoryNotFound,
            problems.NotInList,
            problems.AlreadyLeft,
            problems.NotReady,
            problems.HoldExpired,
            problems.WrongQuantity,
        ]
    ),
)
async def buy(
    service: CurrentService, caller: PostCaller, key: List, user_id: PathId, body: Purchase | None = None
) -> Response:
    """The ready user has bought. Stock and hold shrink by it; nobody else moves. What was held beyond it is
    free again, and goes to the next in line."""
    quantity = body.quantity if body else None
    return await _changed_entry(service, service.engine.buy(key, caller, user_id=user_id, quantity=quantity))


@router.post(
    LIST + "/entries/{user_id}/move",
    operation_id="move",
    response_model=ChangedEntry,
    responses=declared(
        [*POSTED, problems.InventoryNotFound, problems.NotInList, problems.AlreadyLeft, problems.NotWaiting]
    ),
)
async def move(service: CurrentService, caller: PostCaller, key: List, user_id: PathId, body: Move) -> Response:
    """Move a waiting user: first, last, or right before another who waits. The history shows it."""
    call = service.engine.move(key, caller, user_id=user_id, to=body.to, before=body.before)
    return await _changed_entry(service, call)


@router.post(
    LIST + "/promote",
    operation_id="promote",
    response_model=ChangedInventory,
    responses=declared(
        [
            *POSTED,
            problems.InventoryNotFound,
            problems.WaitingListEnded,
            problems.NotEnoughStock,
            problems.StockHeld,
        ]
    ),
)
async def promote(service: CurrentService, caller: PostCaller, key: List, body: Release) -> Response:
    """Release free tickets by hand, where `automatic` is off, to whoever is next."""
    return await _changed_inventory(service, service.engine.promote(key, caller, tickets=body.tickets))


@router.get(
    LIST + "/history",
    operation_id="get_history",
    response_model=Listing[Change],
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound]),
)
async def get_history(
    service: CurrentService,
    organizer: CurrentOrganizer,
    key: List,
    verb: Annotated[list[Id] | None, Query(max_length=100)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Every change of the list, in order: who, what, when, before and after."""
    found = await reading.history(
        service.pool, key, organization_id=organizer.organization_id, verb=verb, limit=limit, cursor=cursor
    )
    return page(found, Change)


@router.get(
    LIST + "/statistics",
    operation_id="get_statistics",
    response_model=Statistics,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound]),
)
async def get_statistics(
    service: CurrentService,
    organizer: CurrentOrganizer,
    key: List,
    period: Annotated[Literal["hour", "day", "week"], Query()] = "day",
) -> Response:
    """Joins, promotions, purchases and expiries over time; conversion; the median wait."""
    return answer(
        await reading.statistics(service.pool, key, organization_id=organizer.organization_id, period=period)
    )


# Users and keys


@router.post(
    "/user-tokens",
    operation_id="create_user_token",
    response_model=UserToken,
    responses=declared([*AUTHENTICATED, *WITH_BODY]),
)
async def create_user_token(service: CurrentService, organizer: CurrentOrganizer, body: TokenRequest) -> Response:
    """A token with which a page acts as one of the organization's users. Nothing is stored."""
    user = User(body.user_id, organizer.organization_id)
    token, expires_at = await service.authority.mint(user, expires_in=body.expires_in)
    return answer(UserToken(token=token, expires_at=expires_at))


@router.get(
    "/users/{user_id}/export",
    operation_id="export_user",
    response_model=UserExport,
    responses=declared(AUTHENTICATED),
)
async def export_user(service: CurrentService, organizer: CurrentOrganizer, user_id: PathId) -> Response:
    """All that is kept of a person: their entries, and what happened to them."""
    return answer(await reading.export_user(service.pool, user_id, organization_id=organizer.organization_id))


@router.delete("/users/{user_id}", operation_id="erase", response_model=Erasure, responses=declared(AUTHENTICATED))
async def erase(service: CurrentService, caller: ChangingCaller, user_id: PathId) -> Response:
    """Forget a person: they leave every list, and the history keeps numbers only. Safe to repeat."""
    assert caller.organization_id is not None
    keys = await reading.lists_of_user(service.pool, user_id, organization_id=caller.organization_id)
    for key in keys:
        await service.engine.erase(key, caller, user_id=user_id)
    return answer(Erasure(user_id=user_id, waiting_lists=len(keys)))


@router.get(
    "/api-keys",
    operation_id="list_api_keys",
    response_model=Listing[KeyInfo],
    responses=declared(AUTHENTICATED),
)
async def list_api_keys(
    service: CurrentService, organizer: CurrentOrganizer, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """The organization's API keys, without their secrets."""
    return page(
        await reading.api_keys(service.pool, organizer.organization_id, limit=limit, cursor=cursor), KeyInfo
    )


@router.post(
    "/api-keys",
    operation_id="create_api_key",
    status_code=201,
    response_model=CreatedKey,
    responses=declared(POSTED),
)
async def create_api_key(service: CurrentService, caller: PostCaller, body: KeyRequest) -> Response:
    """A new API key, shown in this answer only."""
    assert caller.organization_id is not None
    created, replayed = await catalogue.create_api_key(
        service.pool,
        caller.organization_id,
        name=body.name,
        read_only=body.read_only,
        idempotency=caller.idempotency,
    )
    return answer(created, status=201, replayed=replayed)


@router.delete(
    "/api-keys/{key_id}",
    operation_id="revoke_api_key",
    response_model=KeyInfo,
    responses=declared([*AUTHENTICATED, problems.ApiKeyNotFound]),
)
async def revoke_api_key(service: CurrentService, organizer: CurrentOrganizer, key_id: PathId) -> Response:
    """Revoke an API key, from the next request on."""
    return answer(await catalogue.revoke_api_key(service.pool, organizer.organization_id, key_id))


async def _changed_entry(service: Service, call: Any, *, status: int = 200) -> Response:
    answered: Answer = await with_passes(service.authority, call)
    assert answered.entry is not None
    changed = ChangedEntry(**dict(answered.entry), promoted=list(answered.promoted))
    return answer(changed, status=status, replayed=answered.replayed)


async def _changed_inventory(service: Service, call: Any) -> Response:
    answered: Answer = await with_passes(service.authority, call)
    assert answered.inventory is not None
    changed = ChangedInventory(**dict(answered.inventory), promoted=list(answered.promoted))
    return answer(changed, replayed=answered.replayed)


async def _csv(first: Entry | None, rows: AsyncIterator[Entry]) -> AsyncIterator[str]:
    columns = [name for name in Entry.model_fields if name != "purchase_pass"]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    if first is not None:
        writer.writerow([_cell(getattr(first, name)) for name in columns])
        async for entry in rows:
            writer.writerow([_cell(getattr(entry, name)) for name in columns])
            if buffer.tell() > 64 * 1024:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
    yield buffer.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    # A spreadsheet would run what begins like this: OWASP, CSV injection.
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value
