"""Define the organizer's calls to write to the fans of a list, or of all lists of an event."""

from fastapi import Response

from waiting_list import problems
from waiting_list.api.organizer.lists import LIST
from waiting_list.lists.models import ListKey
from waiting_list.notifications import messages
from waiting_list.notifications.email_rendering import EmailRenderer
from waiting_list.notifications.messages import MessageFields, MessageResult
from waiting_list.web.openapi import POSTED, declared
from waiting_list.web.parameters import ONCE, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import answer
from waiting_list.web.routes import EntriesRoute, organizer_router

router = organizer_router(EntriesRoute, "Messages")


@router.post(
    LIST + "/messages",
    operation_id="message",
    openapi_extra=ONCE,
    response_model=MessageResult,
    responses=declared([*POSTED, problems.InventoryNotFound, problems.TooManyMessages]),
)
async def message(call: ApiRequest, offer_id: PathId, representation_id: PathId, body: MessageFields) -> Response:
    """Write to the fans of a list who wait, are ready, or both: news about their place or the show, no marketing.

    Each person gets one e-mail. Fans who have unsubscribed get none. A list takes few messages within 24 hours.
    """
    return await _send(call, [ListKey(offer_id, representation_id)], body)


@router.post(
    "/events/{event_id}/messages",
    operation_id="message_event",
    openapi_extra=ONCE,
    response_model=MessageResult,
    responses=declared([*POSTED, problems.EventNotFound, problems.TooManyMessages]),
)
async def message_event(call: ApiRequest, event_id: PathId, body: MessageFields) -> Response:
    """Write to the fans of all lists of an event, as to those of one list.

    A person who is on several lists gets one e-mail. If the call is interrupted, repeat it with the same
    Idempotency-Key: it writes what is missing.
    """
    return await _send(call, await messages.lists_of_event(call.pool, call.organization_id, event_id), body)


async def _send(call: ApiRequest, keys: list[ListKey], body: MessageFields) -> Response:
    secret = await call.service.signing_keys.derived_secret()
    most = call.service.settings.messages_per_day
    caller = await call.caller_once()
    done, replayed = await messages.send(call.engine, call.pool, secret, keys, caller, body, most=most)
    if body.preview and keys:
        renderer = EmailRenderer(call.service.settings)
        shown = await messages.examples(call.pool, renderer, keys[0], body)
        return answer(done.model_copy(update={"examples": shown}))
    call.engine.wake.set()
    return answer(done, replayed=replayed)
