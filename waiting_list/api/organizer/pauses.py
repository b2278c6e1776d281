"""Define the organizer's calls about pauses: pause a user's place, resume it."""

from fastapi import Response
from pydantic import Field

from waiting_list import problems
from waiting_list.api.organizer.entries import changed_entry
from waiting_list.api.organizer.lists import LIST
from waiting_list.fields import Frozen, Title
from waiting_list.lists import verbs
from waiting_list.lists.models import ListKey
from waiting_list.web.openapi import POSTED, declared
from waiting_list.web.parameters import ONCE, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import ChangedEntry
from waiting_list.web.routes import EntriesRoute, organizer_router

router = organizer_router(EntriesRoute, "Entries")
_ENTRY = LIST + "/entries/{user_id}"
_OF_A_PAUSE = (
    *POSTED,
    problems.InventoryNotFound,
    problems.NotInList,
    problems.AlreadyLeft,
    problems.NotWaiting,
    problems.WaitingListEnded,
)


class Pausing(Frozen):
    """Why the organizer pauses a place, or ends its pause."""

    reason: Title | None = Field(default=None, description="The reason. The history keeps it.")


_NONE = Pausing()


@router.post(
    _ENTRY + "/pause",
    operation_id="pause_for_user",
    openapi_extra=ONCE,
    response_model=ChangedEntry,
    responses=declared(_OF_A_PAUSE),
)
async def pause_for_user(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, user_id: PathId, body: Pausing = _NONE
) -> Response:
    """Pause the place of a waiting user, as the user could. The place stays, and tickets go to the fans behind.

    The body is optional. Safe to repeat.
    """
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(key, caller, verbs.pause, user_id=user_id, reason=body.reason)
    return await changed_entry(call, verb)


@router.post(
    _ENTRY + "/resume",
    operation_id="unpause_for_user",
    openapi_extra=ONCE,
    response_model=ChangedEntry,
    responses=declared(_OF_A_PAUSE),
)
async def unpause_for_user(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, user_id: PathId, body: Pausing = _NONE
) -> Response:
    """End the pause of a waiting user's place. If enough tickets are free, they are held for the user at once.

    The body is optional. Safe to repeat.
    """
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(key, caller, verbs.unpause, user_id=user_id, reason=body.reason)
    return await changed_entry(call, verb)
