"""Define the organizer's calls to list, remove and restore entries that look like one person."""

from typing import Annotated

from fastapi import Response
from pydantic import Field, Strict

from waiting_list import problems
from waiting_list.api.organizer.lists import LIST
from waiting_list.fields import Frozen, Title
from waiting_list.lists import verbs
from waiting_list.lists.models import Entry, ListKey
from waiting_list.lists.queries.lists import list_settings
from waiting_list.lists.queries.lookalikes import read_lookalikes
from waiting_list.lists.queries.models import Lookalikes
from waiting_list.lists.verbs.lookalikes import AT_MOST
from waiting_list.web.openapi import AUTHENTICATED, POSTED, declared
from waiting_list.web.parameters import ONCE, Cursor, Limit, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import Listing, answer, page
from waiting_list.web.routes import EntriesRoute, organizer_router

router = organizer_router(EntriesRoute, "Look-alikes")
LOOKALIKES = LIST + "/lookalikes"
Number = Annotated[int, Strict(), Field(ge=1, le=2**53 - 1)]


class Removal(Frozen):
    """The numbers of the entries to remove, and the reason. The history keeps the reason."""

    numbers: list[Number] = Field(min_length=1, max_length=AT_MOST)
    reason: Title


class Undo(Frozen):
    """The `undo` value from the answer of a removal."""

    undo: Annotated[str, Strict(), Field(min_length=1, max_length=40, description="The `undo` of the removal.")]


class RemovedEntries(Frozen):
    """The result of a removal: the numbers of removed entries, and the entries that became ready.

    `skipped` has the numbers of entries that had already left. `undo` restores the places within 24 hours. It is
    null if the call removed no entry.
    """

    removed: list[int]
    skipped: list[int]
    undo: str | None
    promoted: list[Entry]


class RestoredEntries(Frozen):
    """The result of an undo: the numbers of the new entries, which have the places of the removed ones.

    `skipped` has the numbers of entries that were not restored: the fan has joined again or was erased, or the
    fan's mailbox has another place. `promoted` has the entries that became ready.
    """

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
    call: ApiRequest, offer_id: PathId, representation_id: PathId, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List groups of entries that look like one person, the largest group first.

    An entry can be in two groups. The groups do not name persons.
    """
    key = ListKey(offer_id, representation_id)
    await list_settings(call.pool, key, organization_id=call.organization_id)
    return page(await read_lookalikes(call.pool, key, limit=limit, cursor=cursor), Lookalikes)


@router.post(
    LOOKALIKES + "/remove",
    operation_id="remove_lookalikes",
    openapi_extra=ONCE,
    response_model=RemovedEntries,
    responses=declared([*POSTED, problems.InventoryNotFound]),
)
async def remove_lookalikes(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, body: Removal
) -> Response:
    """Remove up to 500 entries from the list at once."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(key, caller, verbs.remove_lookalikes, numbers=body.numbers, reason=body.reason)
    answered = await call.done(verb)
    done = answered.several
    assert done is not None
    removed = RemovedEntries(
        removed=list(done.numbers), skipped=list(done.skipped), undo=done.undo, promoted=list(answered.promoted)
    )
    return answer(removed, replayed=answered.replayed)


@router.post(
    LOOKALIKES + "/undo",
    operation_id="restore",
    openapi_extra=ONCE,
    response_model=RestoredEntries,
    responses=declared([*POSTED, problems.InventoryNotFound, problems.WaitingListEnded]),
)
async def restore(call: ApiRequest, offer_id: PathId, representation_id: PathId, body: Undo) -> Response:
    """Restore the places of fans who were removed in the last 24 hours. Their entries get new numbers."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    answered = await call.done(call.engine.run(key, caller, verbs.restore, undo=body.undo))
    done = answered.several
    assert done is not None
    restored = RestoredEntries(
        restored=list(done.numbers), skipped=list(done.skipped), promoted=list(answered.promoted)
    )
    return answer(restored, replayed=answered.replayed)
