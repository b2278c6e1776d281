"""Define the organizer's calls about the wording of the e-mails about an event."""

from fastapi import Response

from waiting_list import problems
from waiting_list.notifications import wording
from waiting_list.notifications.email_rendering import EmailRenderer
from waiting_list.notifications.wording import EmailPreview, EventWording, Wording, WordingChange
from waiting_list.web.openapi import AUTHENTICATED, WITH_BODY, declared
from waiting_list.web.parameters import PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import answer
from waiting_list.web.routes import EntriesRoute, organizer_router

router = organizer_router(EntriesRoute, "Messages")
_WORDING = "/events/{event_id}/wording"


@router.get(
    _WORDING,
    operation_id="get_wording",
    response_model=EventWording,
    responses=declared([*AUTHENTICATED, problems.EventNotFound]),
)
async def get_wording(call: ApiRequest, event_id: PathId) -> Response:
    """Show the organization's own words in the e-mails about an event."""
    return answer(await wording.wording(call.pool, call.organization_id, event_id))


@router.patch(
    _WORDING,
    operation_id="change_wording",
    response_model=EventWording,
    responses=declared([*WITH_BODY, problems.EventNotFound]),
)
async def change_wording(call: ApiRequest, event_id: PathId, body: WordingChange) -> Response:
    """Replace the subject and the opening of e-mails about an event, for each kind and language that is named.

    Other kinds and languages stay. What an e-mail must say stays in it, whatever the words: what is held, until
    when, and the links. It holds for every e-mail that is sent from now on.
    """
    return answer(await wording.change(call.pool, call.organization_id, event_id, body.emails))


@router.delete(
    _WORDING,
    operation_id="reset_wording",
    response_model=EventWording,
    responses=declared([*WITH_BODY, problems.EventNotFound]),
)
async def reset_wording(call: ApiRequest, event_id: PathId) -> Response:
    """Give all e-mails about an event the words of the service again."""
    return answer(await wording.reset(call.pool, call.organization_id, event_id))


@router.post(
    _WORDING + "/preview",
    operation_id="preview_wording",
    response_model=EmailPreview,
    responses=declared([*WITH_BODY, problems.EventNotFound]),
)
async def preview_wording(call: ApiRequest, event_id: PathId, body: Wording) -> Response:
    """Show an e-mail about an event with these words and made-up facts. The call changes and sends nothing.

    An omitted `subject` or `opening` shows the stored one, null that of the service.
    """
    renderer = EmailRenderer(call.service.settings)
    return answer(await wording.preview(call.pool, renderer, call.organization_id, event_id, body))
