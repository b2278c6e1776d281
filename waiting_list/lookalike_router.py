"""The organizer's calls about entries that look like one person: which they are, removing them, undoing that."""

from typing import Annotated

from fastapi import Response
from pydantic import Field, Strict

from waiting_list import lookalikes, problems
from waiting_list.answers import AUTHENTICATED, POSTED, Listing, declared
from waiting_list.calls import (
    ONCE,
    Call,
    Cursor,
    EntriesRoute,
    Limit,
    PathId,
    answer,
    organizer_calls,
    page,
)
from waiting_list.fields import Frozen, Title
from waiting_list.lookalikes import AT_MOST, read_lookalikes
from waiting_list.models import Entry, ListKey, Lookalikes
from waiting_list.reading import list_settings

router = organizer_calls(EntriesRoute)
LOOKALIKES = "/waiting-lists/{offer_id}/{representation_id}/lookalikes"
Number = Annotated[int, Strict(), Field(ge=1, le=2**53 - 1)]


class Removal(Frozen):
    """Which entries are removed, by their numbers, and why: the history keeps that."""

    numbers: list[Number] = Field(min_length=1, max_length=AT_MOST)
    reason: Title


class Undo(Frozen):
    """What a removal has answered as `undo`."""

    undo: Annotated[str, Strict(), Field(min_length=1, max_length=40)]


class Removed(Frozen):
    """The numbers of the entries that were removed, and of those that were not, being out already; `undo` gives
    the places back within 24 hours, null where nothing was removed; and the entries that became ready."""

    removed: list[int]
    skipped: list[int]
    undo: str | None
    promoted: list[Entry]


class Restored(Frozen):
    """The numbers of the new entries, which stand where the removed ones did; of those that were left out, since
    the fan has joined again, was erased, or their mailbox has another place; and the entries that became
    ready."""

    restored: list[int]
    skipped: list[int]
    promoted: list[Entry]


@router.get(
    LOOKALIKES,
    operation_id="list_lookalikes",
    response_model=Listing[Lookalikes],
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound]),
)
async def list_lookalikes(
    call: Call, offer_id: PathId, representation_id: PathId, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """Groups of entries that look like one person, the largest first. An entry can be in two groups. Nobody is
    named."""
    key = ListKey(offer_id, representation_id)
    await list_settings(call.pool, key, organization_id=call.organization_id)
    return page(await read_lookalikes(call.pool, key, limit=limit, cursor=cursor), Lookalikes)


@router.post(
    LOOKALIKES + "/remove",
    operation_id="remove_lookalikes",
    openapi_extra=ONCE,
    response_model=Removed,
    responses=declared([*POSTED, problems.InventoryNotFound]),
)
async def remove_lookalikes(call: Call, offer_id: PathId, representation_id: PathId, body: Removal) -> Response:
    """Take up to 500 entries out of the list at once."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(key, caller, lookalikes.remove_lookalikes, numbers=body.numbers, reason=body.reason)
    answered = await call.done(verb)
    done = answered.several
    assert done is not None
    removed = Removed(
        removed=list(done.numbers), skipped=list(done.skipped), undo=done.undo, promoted=list(answered.promoted)
    )
    return answer(removed, replayed=answered.replayed)


@router.post(
    LOOKALIKES + "/undo",
    operation_id="restore",
    openapi_extra=ONCE,
    response_model=Restored,
    responses=declared([*POSTED, problems.InventoryNotFound, problems.WaitingListEnded]),
)
async def restore(call: Call, offer_id: PathId, representation_id: PathId, body: Undo) -> Response:
    """Give fans who were removed in the last 24 hours their places back, under new numbers."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    answered = await call.done(call.engine.run(key, caller, lookalikes.restore, undo=body.undo))
    done = answered.several
    assert done is not None
    restored = Restored(restored=list(done.numbers), skipped=list(done.skipped), promoted=list(answered.promoted))
    return answer(restored, replayed=answered.replayed)
