"""Define the organizer's calls about lists: their settings, history and statistics."""

from typing import Annotated, Literal

from fastapi import Query, Response
from pydantic import Field

from waiting_list import problems
from waiting_list.fields import Flag, Frozen, Id, Randomness
from waiting_list.lists import verbs
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries import history as history_queries
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.models import Change, ListSummary, Statistics
from waiting_list.lists.queries.statistics import read_statistics
from waiting_list.lists.settings_models import ListSettings, SettingsChange
from waiting_list.web.openapi import AUTHENTICATED, POSTED, WITH_BODY, declared
from waiting_list.web.parameters import ONCE, Cursor, Filter, Limit, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import ChangedSettings, Listing, answer, changed_noun, page
from waiting_list.web.routes import EntriesRoute, organizer_router

router = organizer_router(EntriesRoute, "Lists")
LIST = "/waiting-lists/{offer_id}/{representation_id}"


class ListChange(SettingsChange, frozen=True):
    """The settings of a list to change. Omitted settings keep their values."""

    end_lists: Flag = False


class Draw(Frozen):
    """The public randomness, written as `draw_source` says."""

    randomness: Annotated[Randomness, Field(description="The value of the source. Several blanks count as one.")]


@router.get(
    "/waiting-lists",
    operation_id="list_waiting_lists",
    response_model=Listing[ListSummary],
    responses=declared(AUTHENTICATED),
)
async def list_waiting_lists(call: ApiRequest, only: Filter, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List the waiting lists, with the entries and tickets of each by status.

    The filters choose the entries to count. Lists without such an entry are omitted.
    """
    found = await list_queries.waiting_lists(call.pool, call.organization_id, only, limit=limit, cursor=cursor)
    return page(found, ListSummary)


@router.get(
    LIST,
    operation_id="get_settings",
    response_model=ListSettings,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound]),
)
async def get_settings(call: ApiRequest, offer_id: PathId, representation_id: PathId) -> Response:
    """Show the settings of a list."""
    key = ListKey(offer_id, representation_id)
    return answer(await list_queries.list_settings(call.pool, key, organization_id=call.organization_id))


@router.patch(
    LIST,
    operation_id="configure",
    response_model=ChangedSettings,
    responses=declared([*WITH_BODY, problems.InventoryNotFound, problems.WouldEndList]),
)
async def configure(call: ApiRequest, offer_id: PathId, representation_id: PathId, body: ListChange) -> Response:
    """Change settings of a list. Omitted settings keep their values.

    A `closes_at` that would end the list while fans wait or hold tickets is refused without `end_lists`.
    """
    key = ListKey(offer_id, representation_id)
    verb = call.engine.run(key, call.caller, verbs.configure, settings=body, end_lists=body.end_lists)
    answered = await call.done(verb)
    assert answered.settings is not None
    return answer(changed_noun(ChangedSettings, answered.settings, answered.promoted))


@router.post(
    LIST + "/draw",
    operation_id="draw",
    openapi_extra=ONCE,
    response_model=ChangedSettings,
    responses=declared(
        [*POSTED, problems.InventoryNotFound, problems.WaitingListEnded, problems.CannotDraw],
    ),
)
async def draw(call: ApiRequest, offer_id: PathId, representation_id: PathId, body: Draw) -> Response:
    """Draw the lots of a list whose `order` is `draw`, from its `draw_at` on, with the value of its `draw_source`.

    The next fans in line become ready. It is done once; a repeat with the same value changes nothing.
    """
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    answered = await call.done(call.engine.run(key, caller, verbs.draw, randomness=body.randomness))
    assert answered.settings is not None
    changed = changed_noun(ChangedSettings, answered.settings, answered.promoted)
    return answer(changed, replayed=answered.replayed)


@router.get(
    LIST + "/history",
    operation_id="get_history",
    response_model=Listing[Change],
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound]),
)
async def get_history(
    call: ApiRequest,
    offer_id: PathId,
    representation_id: PathId,
    verb: Annotated[list[Id] | None, Query(max_length=100)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List every change of the list, in order: actor, verb, time, and the values before and after."""
    key = ListKey(offer_id, representation_id)
    found = await history_queries.history(
        call.pool, key, organization_id=call.organization_id, verb=verb, limit=limit, cursor=cursor
    )
    return page(found, Change)


@router.get(
    LIST + "/statistics",
    operation_id="get_statistics",
    response_model=Statistics,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound]),
)
async def get_statistics(
    call: ApiRequest,
    offer_id: PathId,
    representation_id: PathId,
    period: Annotated[Literal["hour", "day", "week"], Query()] = "day",
) -> Response:
    """Show joins, promotions, purchases and expiries over time, the conversion, and the median wait."""
    key = ListKey(offer_id, representation_id)
    return answer(await read_statistics(call.pool, key, organization_id=call.organization_id, period=period))
