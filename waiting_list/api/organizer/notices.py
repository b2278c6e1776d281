"""Define the organizer's calls about notices: list them, and resend one."""

from typing import Annotated

from fastapi import Query, Response

from waiting_list import problems
from waiting_list.api.organizer.webhooks import Statuses
from waiting_list.notifications import notices
from waiting_list.notifications.channels import ChannelName
from waiting_list.notifications.models import Notice
from waiting_list.web.openapi import AUTHENTICATED, POSTED, declared
from waiting_list.web.parameters import ONCE, Cursor, Ids, Limit, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import Listing, answer, page
from waiting_list.web.routes import AdminRoute, organizer_router

router = organizer_router(AdminRoute, "Notices")


@router.get(
    "/notices",
    operation_id="list_notices",
    response_model=Listing[Notice],
    responses=declared(AUTHENTICATED),
)
async def list_notices(
    call: ApiRequest,
    status: Statuses = None,
    type: Ids = None,  # noqa: A002 - the name of the parameter
    channel: Annotated[ChannelName | None, Query()] = None,
    offer_id: Ids = None,
    representation_id: Ids = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List sent and pending e-mails and webhook deliveries, the newest first, without addresses."""
    only = notices.NoticeFilter(status, type, channel, offer_id, representation_id)
    return page(await notices.notices(call.pool, call.organization_id, only, limit=limit, cursor=cursor), Notice)


@router.post(
    "/notices/{notice_id}/resend",
    operation_id="resend_notice",
    openapi_extra=ONCE,
    response_model=Notice,
    responses=declared([*POSTED, problems.NoticeNotFound]),
)
async def resend_notice(call: ApiRequest, notice_id: PathId) -> Response:
    """Send a notice again at once, whatever its status. It keeps its id. An outdated e-mail is not sent."""
    caller = await call.caller_once()
    notice, replayed = await notices.resend(
        call.pool, call.organization_id, notice_id, idempotency=caller.idempotency
    )
    call.engine.wake.set()
    return answer(notice, replayed=replayed)
