"""The user router: what a fan can do. A token says who they are; what everybody may see needs none."""

import hashlib
from typing import Annotated, Any, Self

from fastapi import APIRouter, Header, Query, Response, Security
from pydantic import model_validator

from waiting_list import problems, reading
from waiting_list.answers import AUTHENTICATED, COMMON, POSTED, WITH_BODY, Listing, declared
from waiting_list.calls import (
    ChangingCaller,
    CurrentService,
    CurrentUser,
    Cursor,
    Ids,
    Limit,
    List,
    PostCaller,
    PublicRoute,
    UserRoute,
    answer,
    page,
    user_token,
    with_passes,
)
from waiting_list.models import Entry, EventSummary, Frozen, Quantity, Queue, Status, WaitingList

public = APIRouter(prefix="/v1/user", route_class=PublicRoute, tags=["user"])
router = APIRouter(prefix="/v1/user", route_class=UserRoute, tags=["user"], dependencies=[Security(user_token)])
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The picture is still the one whose ETag was sent."}
}
ENTRY = "/waiting-lists/{offer_id}/{representation_id}/entry"


class Joining(Frozen):
    """How many tickets a user wants. `tickets_minimum`, as many unless given, is how few they would take."""

    tickets_wanted: Quantity
    tickets_minimum: Quantity | None = None


class Changing(Frozen):
    """What a waiting user changes; what is left out stays."""

    tickets_wanted: Quantity | None = None
    tickets_minimum: Quantity | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set or None in (getattr(self, name) for name in self.model_fields_set):
            raise ValueError("give tickets_wanted, tickets_minimum or both, as numbers")
        return self


@public.get(
    "/events",
    operation_id="list_upcoming_events",
    response_model=Listing[EventSummary],
    responses=declared(COMMON),
)
async def list_upcoming_events(
    service: CurrentService, organization_id: Ids = None, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """Upcoming events, the next one first: their representations, offers, and whether each list is open."""
    found = await reading.upcoming_events(service.pool, organization_id, limit=limit, cursor=cursor)
    return page(found, EventSummary)


@public.get(
    "/waiting-lists/{offer_id}/{representation_id}",
    operation_id="get_waiting_list",
    response_model=WaitingList,
    responses=declared([*COMMON, problems.InventoryNotFound]),
)
async def get_waiting_list(service: CurrentService, key: List) -> Response:
    """A waiting list as anyone may see it: open or not and why, how many wait, what is free, its rules."""
    return answer(await reading.waiting_list(service.pool, key))


@public.get(
    "/waiting-lists/{offer_id}/{representation_id}/queue",
    operation_id="get_queue",
    response_model=Queue,
    responses=declared([*COMMON, problems.InventoryNotFound]) | NOT_MODIFIED,
)
async def get_queue(
    service: CurrentService, key: List, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """The picture of the whole queue, for crowds: a page works out its own place from it. Good for a second."""
    body = (await reading.queue(service.pool, key)).model_dump_json()
    tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "public, max-age=1"}
    # A cache may have made the tag weak (RFC 9110, 8.8.1).
    known = {one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")}
    if tag in known or "*" in known:
        return Response(None, 304, headers)
    return Response(body, 200, headers, media_type="application/json")


@router.post(
    ENTRY,
    operation_id="join",
    status_code=201,
    response_model=Entry,
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
async def join(
    service: CurrentService, user: CurrentUser, caller: PostCaller, key: List, body: Joining
) -> Response:
    """Join the list, as its last. Tickets that are free at once make the entry `ready` at once."""
    answered = await with_passes(
        service.authority,
        service.engine.join(
            key,
            caller,
            user_id=user.user_id,
            tickets_wanted=body.tickets_wanted,
            tickets_minimum=body.tickets_minimum,
        ),
    )
    return answer(answered.entry, status=201, replayed=answered.replayed)


@router.get(
    ENTRY,
    operation_id="get_entry",
    response_model=Entry,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound, problems.NotInList]),
)
async def get_entry(service: CurrentService, user: CurrentUser, key: List) -> Response:
    """My latest entry in this list."""
    entry = await reading.entry(service.pool, key, user.user_id, organization_id=user.organization_id)
    return answer(await service.authority.with_pass(entry))


@router.patch(
    ENTRY,
    operation_id="change",
    response_model=Entry,
    responses=declared(
        [
            *WITH_BODY,
            problems.InventoryNotFound,
            problems.NotInList,
            problems.AlreadyLeft,
            problems.NotWaiting,
            problems.TooManyTickets,
            problems.WaitingListEnded,
        ]
    ),
)
async def change(
    service: CurrentService, user: CurrentUser, caller: ChangingCaller, key: List, body: Changing
) -> Response:
    """Change what I want while I wait: fewer tickets keep the place, more go last."""
    answered = await with_passes(
        service.authority,
        service.engine.change(
            key,
            caller,
            user_id=user.user_id,
            tickets_wanted=body.tickets_wanted,
            tickets_minimum=body.tickets_minimum,
        ),
    )
    return answer(answered.entry)


@router.delete(
    ENTRY,
    operation_id="leave",
    response_model=Entry,
    responses=declared([*WITH_BODY, problems.InventoryNotFound, problems.NotInList, problems.AlreadyLeft]),
)
async def leave(service: CurrentService, user: CurrentUser, caller: ChangingCaller, key: List) -> Response:
    """Leave the list, or give up the hold. Whoever joins again goes last."""
    answered = await with_passes(service.authority, service.engine.leave(key, caller, user_id=user.user_id))
    return answer(answered.entry)


@router.get(
    "/entries",
    operation_id="list_my_entries",
    response_model=Listing[Entry],
    responses=declared(AUTHENTICATED),
)
async def list_my_entries(
    service: CurrentService,
    user: CurrentUser,
    status: Annotated[list[Status] | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """All my entries, the newest first."""
    found = await reading.entries_of_user(
        service.pool,
        user.user_id,
        organization_id=user.organization_id,
        status=status,
        limit=limit,
        cursor=cursor,
    )
    items = [await service.authority.with_pass(entry) for entry in found.items]
    return page(found._replace(items=items), Entry)
