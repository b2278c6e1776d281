"""Define the organizer's calls about the catalogue that a ticketing platform syncs, with its stock."""

from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import BaseModel

from waiting_list import problems
from waiting_list.catalogue import cancellation, deletion
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.catalogue.models import (
    Cancellation,
    Event,
    EventFields,
    InventoryFields,
    Offer,
    OfferFields,
    Representation,
    RepresentationChange,
)
from waiting_list.lists.models import Inventory, ListKey
from waiting_list.lists.queries import lists as list_queries
from waiting_list.web.entity_tags import IF_MATCH, TAGGED, if_match
from waiting_list.web.openapi import AUTHENTICATED, POSTED, WITH_BODY, declared
from waiting_list.web.parameters import ONCE, Cursor, Ids, Limit, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import ChangedInventory, Listing, answer, changed_noun, page, stock_answer
from waiting_list.web.routes import StockRoute, organizer_router

router = organizer_router(StockRoute, "Catalogue")
INVENTORY = "/inventory/{offer_id}/{representation_id}"

_TESTS = "of a draft that no fan has joined, or of a list whose people were all erased."
WithEntries = Annotated[bool, Query(description=f"Delete the list's entries, too: {_TESTS}")]
WithLists = Annotated[bool, Query(description=f"Delete its lists with their entries, too: {_TESTS}")]


def _created(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Describe the answer of a PUT that created an object."""
    return {201: {"model": model, "description": "The call created it."}}


@router.get(
    "/events", operation_id="list_events", response_model=Listing[Event], responses=declared(AUTHENTICATED)
)
async def list_events(
    call: ApiRequest, event_id: Ids = None, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List the organization's events."""
    found = await catalogue_queries.events(
        call.pool, call.organization_id, event_id=event_id, limit=limit, cursor=cursor
    )
    return page(found.map(lambda one: one.at(call.service.settings.public_url)), Event)


@router.get(
    "/events/{event_id}",
    operation_id="get_event",
    response_model=Event,
    responses=declared([*AUTHENTICATED, problems.EventNotFound]),
)
async def get_event(call: ApiRequest, event_id: PathId) -> Response:
    """Show an event."""
    found = await catalogue_queries.event(call.pool, event_id, organization_id=call.organization_id)
    return answer(found.at(call.service.settings.public_url))


@router.put(
    "/events/{event_id}",
    operation_id="put_event",
    response_model=Event,
    responses=_created(Event) | declared([*WITH_BODY, problems.IdTaken, problems.HasDependents]),
)
async def put_event(call: ApiRequest, event_id: PathId, body: EventFields) -> Response:
    """Create or change an event."""
    put, made = await catalogue_changes.put_event(
        call.pool, call.organization_id, event_id, body, engine=call.engine, actor=call.caller.actor
    )
    return answer(put.at(call.service.settings.public_url), status=201 if made else 200)


@router.delete(
    "/events/{event_id}",
    operation_id="delete_event",
    response_model=Event,
    responses=declared([*WITH_BODY, problems.EventNotFound, problems.HasDependents]),
)
async def delete_event(call: ApiRequest, event_id: PathId, with_entries: WithLists = False) -> Response:
    """Delete an event that has no representations and no offers, or all of an event that is only a test.

    The service deletes each list by itself, after it has looked at all of them. If the call is interrupted, repeat
    it: it deletes the rest.
    """
    gone = await deletion.delete_event(call.pool, call.caller, event_id, with_entries=with_entries)
    return answer(gone.at(call.service.settings.public_url))


@router.get(
    "/representations",
    operation_id="list_representations",
    response_model=Listing[Representation],
    responses=declared(AUTHENTICATED),
)
async def list_representations(
    call: ApiRequest, representation_id: Ids = None, event_id: Ids = None, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List the organization's representations."""
    found = await catalogue_queries.representations(
        call.pool,
        call.organization_id,
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
async def get_representation(call: ApiRequest, representation_id: PathId) -> Response:
    """Show a representation."""
    return answer(
        await catalogue_queries.representation(call.pool, representation_id, organization_id=call.organization_id)
    )


@router.put(
    "/representations/{representation_id}",
    operation_id="put_representation",
    response_model=Representation,
    responses=_created(Representation)
    | declared(
        [*WITH_BODY, problems.EventNotFound, problems.IdTaken, problems.HasDependents, problems.WouldEndList]
    ),
)
async def put_representation(call: ApiRequest, representation_id: PathId, body: RepresentationChange) -> Response:
    """Create or change a representation. A new start moves the end of its lists at once.

    A start that would end a list while fans wait or hold tickets is refused without `end_lists`.
    """
    put, made = await catalogue_changes.put_representation(
        call.pool, call.engine, call.caller, representation_id, body, end_lists=body.end_lists
    )
    return answer(put, status=201 if made else 200)


@router.post(
    "/representations/{representation_id}/cancel",
    operation_id="cancel_representation",
    openapi_extra=ONCE,
    response_model=Representation,
    responses=declared([*POSTED, problems.RepresentationNotFound]),
)
async def cancel_representation(call: ApiRequest, representation_id: PathId, body: Cancellation) -> Response:
    """Cancel a representation. Its lists end at once, and every page says that the show is cancelled.

    The fans leave after the grace of an end, and get an e-mail then. Safe to repeat.
    """
    cancelled, replayed = await cancellation.cancel(
        call.pool, call.engine, await call.caller_once(), representation_id, reason=body.reason
    )
    return answer(cancelled, replayed=replayed)


@router.post(
    "/representations/{representation_id}/reinstate",
    operation_id="reinstate_representation",
    openapi_extra=ONCE,
    response_model=Representation,
    responses=declared([*POSTED, problems.RepresentationNotFound]),
)
async def reinstate_representation(call: ApiRequest, representation_id: PathId) -> Response:
    """Take the cancellation of a representation back. Fans that have not left yet stay as they were. Safe to
    repeat."""
    reinstated, replayed = await cancellation.reinstate(
        call.pool, call.engine, await call.caller_once(), representation_id
    )
    return answer(reinstated, replayed=replayed)


@router.delete(
    "/representations/{representation_id}",
    operation_id="delete_representation",
    response_model=Representation,
    responses=declared([*WITH_BODY, problems.RepresentationNotFound, problems.HasDependents]),
)
async def delete_representation(
    call: ApiRequest, representation_id: PathId, with_entries: WithLists = False
) -> Response:
    """Delete a representation that has no inventory, or with its lists if these are only tests."""
    gone = deletion.delete_representation(call.pool, call.caller, representation_id, with_entries=with_entries)
    return answer(await gone)


@router.get(
    "/offers", operation_id="list_offers", response_model=Listing[Offer], responses=declared(AUTHENTICATED)
)
async def list_offers(
    call: ApiRequest, offer_id: Ids = None, event_id: Ids = None, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List the organization's offers."""
    found = await catalogue_queries.offers(
        call.pool,
        call.organization_id,
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
async def get_offer(call: ApiRequest, offer_id: PathId) -> Response:
    """Show an offer."""
    return answer(await catalogue_queries.offer(call.pool, offer_id, organization_id=call.organization_id))


@router.put(
    "/offers/{offer_id}",
    operation_id="put_offer",
    response_model=Offer,
    responses=_created(Offer)
    | declared([*WITH_BODY, problems.EventNotFound, problems.IdTaken, problems.HasDependents]),
)
async def put_offer(call: ApiRequest, offer_id: PathId, body: OfferFields) -> Response:
    """Create or change an offer.

    No later hold has more tickets than `max_quantity_per_order`; present holds keep theirs. A waiting user who
    accepts only more keeps the place, and is passed over until the limit is high enough again.
    """
    put, made = await catalogue_changes.put_offer(call.pool, call.engine, call.caller, offer_id, body)
    return answer(put, status=201 if made else 200)


@router.delete(
    "/offers/{offer_id}",
    operation_id="delete_offer",
    response_model=Offer,
    responses=declared([*WITH_BODY, problems.OfferNotFound, problems.HasDependents]),
)
async def delete_offer(call: ApiRequest, offer_id: PathId, with_entries: WithLists = False) -> Response:
    """Delete an offer that has no inventory, or with its lists if these are only tests."""
    return answer(await deletion.delete_offer(call.pool, call.caller, offer_id, with_entries=with_entries))


@router.get(
    "/inventory",
    operation_id="list_inventory",
    response_model=Listing[Inventory],
    responses=declared(AUTHENTICATED),
)
async def list_inventory(
    call: ApiRequest,
    event_id: Ids = None,
    offer_id: Ids = None,
    representation_id: Ids = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List the organization's inventory."""
    found = await catalogue_queries.inventories(
        call.pool,
        call.organization_id,
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
    responses=TAGGED | declared([*AUTHENTICATED, problems.InventoryNotFound]),
)
async def get_inventory(call: ApiRequest, offer_id: PathId, representation_id: PathId) -> Response:
    """Show the stock of an offer at a representation."""
    key = ListKey(offer_id, representation_id)
    return stock_answer(await list_queries.inventory(call.pool, key, organization_id=call.organization_id))


@router.put(
    INVENTORY,
    operation_id="put_inventory",
    openapi_extra=IF_MATCH,
    response_model=ChangedInventory,
    responses=TAGGED
    | {201: TAGGED[200] | _created(ChangedInventory)[201]}
    | declared(
        [
            *WITH_BODY,
            problems.OfferNotFound,
            problems.RepresentationNotFound,
            problems.StockHeld,
            problems.StaleVersion,
        ]
    ),
)
async def put_inventory(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, body: InventoryFields
) -> Response:
    """Create an inventory, or set its stock to that of the ticketing platform.

    With `If-Match`, the call sets the stock only if it still has that version. So the numbers of a platform that
    missed a change never bring sold tickets back.
    """
    key, versions = ListKey(offer_id, representation_id), if_match(call)
    put = catalogue_changes.put_inventory(call.pool, call.engine, call.caller, key, body, versions)
    answered, made = await put
    answered = await call.with_passes(answered)
    assert answered.inventory is not None
    changed = changed_noun(ChangedInventory, answered.inventory, answered.promoted)
    return stock_answer(changed, status=201 if made else 200)


@router.delete(
    INVENTORY,
    operation_id="delete_inventory",
    response_model=Inventory,
    responses=declared([*WITH_BODY, problems.InventoryNotFound, problems.HasDependents]),
)
async def delete_inventory(
    call: ApiRequest,
    offer_id: PathId,
    representation_id: PathId,
    with_entries: WithEntries = False,
) -> Response:
    """Delete an inventory if fans have never joined its list, or with its entries if these are only tests."""
    key = ListKey(offer_id, representation_id)
    gone = deletion.delete_inventory(call.pool, call.caller, key, with_entries=with_entries)
    return answer(await gone)
