"""The organizer router, fifth part: webhooks, and what was sent to them and by e-mail."""

from typing import Annotated, Literal

from fastapi import Query, Response

from waiting_list import problems, resend, webhooks
from waiting_list.answers import AUTHENTICATED, POSTED, WITH_BODY, Listing, declared
from waiting_list.calls import ONCE, AdminRoute, Call, Cursor, Ids, Limit, PathId, answer, organizer_calls, page
from waiting_list.notices import (
    CreatedWebhook,
    Notice,
    NoticeStatus,
    Redelivered,
    Redelivery,
    Webhook,
    WebhookChange,
    WebhookFields,
)

router = organizer_calls(AdminRoute)
WEBHOOK = "/webhooks/{webhook_id}"
Statuses = Annotated[list[NoticeStatus] | None, Query()]


@router.get(
    "/webhooks",
    operation_id="list_webhooks",
    response_model=Listing[Webhook],
    responses=declared(AUTHENTICATED),
)
async def list_webhooks(call: Call, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """The organization's webhooks, without their secrets."""
    found = await webhooks.webhooks(call.pool, call.organization_id, limit=limit, cursor=cursor)
    return page(found, Webhook)


@router.post(
    "/webhooks",
    operation_id="create_webhook",
    openapi_extra=ONCE,
    status_code=201,
    response_model=CreatedWebhook,
    responses=declared([*POSTED, problems.TooManyWebhooks]),
)
async def create_webhook(call: Call, body: WebhookFields) -> Response:
    """A new webhook, with its secret: it is shown in this answer only. An organization has at most 20."""
    caller = await call.caller_once()
    created, replayed = await webhooks.create(
        call.pool, call.service.settings, call.organization_id, body, idempotency=caller.idempotency
    )
    return answer(created, status=201, replayed=replayed)


@router.get(
    WEBHOOK,
    operation_id="get_webhook",
    response_model=Webhook,
    responses=declared([*AUTHENTICATED, problems.WebhookNotFound]),
)
async def get_webhook(call: Call, webhook_id: PathId) -> Response:
    """A webhook, without its secret."""
    return answer(await webhooks.webhook(call.pool, call.organization_id, webhook_id))


@router.patch(
    WEBHOOK,
    operation_id="change_webhook",
    response_model=Webhook,
    responses=declared([*WITH_BODY, problems.WebhookNotFound]),
)
async def change_webhook(call: Call, webhook_id: PathId, body: WebhookChange) -> Response:
    """Change a webhook, disable it, or enable it again; what is left out stays."""
    changed = await webhooks.change(call.pool, call.service.settings, call.organization_id, webhook_id, body)
    return answer(changed)


@router.delete(
    WEBHOOK,
    operation_id="delete_webhook",
    response_model=Webhook,
    responses=declared([*WITH_BODY, problems.WebhookNotFound]),
)
async def delete_webhook(call: Call, webhook_id: PathId) -> Response:
    """Delete a webhook and its deliveries. What is pending is not sent any more."""
    return answer(await webhooks.delete(call.pool, call.organization_id, webhook_id))


@router.get(
    WEBHOOK + "/deliveries",
    operation_id="list_deliveries",
    response_model=Listing[Notice],
    responses=declared([*AUTHENTICATED, problems.WebhookNotFound]),
)
async def list_deliveries(
    call: Call, webhook_id: PathId, status: Statuses = None, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """What was sent, or is to be sent, to a webhook, the newest first. `answer` is what its receiver said."""
    found = await resend.deliveries(
        call.pool, call.organization_id, webhook_id, status=status, limit=limit, cursor=cursor
    )
    return page(found, Notice)


@router.post(
    WEBHOOK + "/redeliver",
    operation_id="redeliver",
    openapi_extra=ONCE,
    response_model=Redelivered,
    responses=declared([*POSTED, problems.WebhookNotFound, problems.NoticeNotFound]),
)
async def redeliver(call: Call, webhook_id: PathId, body: Redelivery) -> Response:
    """Send one delivery again, or all that are dead: at once, each with the id that it had."""
    caller = await call.caller_once()
    sent, replayed = await resend.redeliver(
        call.pool, call.organization_id, webhook_id, body, idempotency=caller.idempotency
    )
    call.engine.wake.set()
    return answer(sent, replayed=replayed)


@router.post(
    WEBHOOK + "/rotate-secret",
    operation_id="rotate_webhook_secret",
    openapi_extra=ONCE,
    response_model=CreatedWebhook,
    responses=declared([*POSTED, problems.WebhookNotFound]),
)
async def rotate_webhook_secret(call: Call, webhook_id: PathId) -> Response:
    """A new secret, shown in this answer only. For 24 hours deliveries are signed with the one before as well; a
    second rotation within these hours ends that one at once."""
    caller = await call.caller_once()
    rotated, replayed = await webhooks.rotate_secret(
        call.pool, call.organization_id, webhook_id, idempotency=caller.idempotency
    )
    return answer(rotated, replayed=replayed)


@router.post(
    WEBHOOK + "/test",
    operation_id="test_webhook",
    openapi_extra=ONCE,
    status_code=201,
    response_model=Notice,
    responses=declared([*POSTED, problems.WebhookNotFound]),
)
async def test_webhook(call: Call, webhook_id: PathId) -> Response:
    """Send a `webhook.test` to a webhook, whichever types it is told of. Its deliveries show what came of it."""
    caller = await call.caller_once()
    notice, replayed = await resend.send_test(
        call.pool, call.organization_id, webhook_id, idempotency=caller.idempotency
    )
    call.engine.wake.set()
    return answer(notice, status=201, replayed=replayed)


@router.get(
    "/notices",
    operation_id="list_notices",
    response_model=Listing[Notice],
    responses=declared(AUTHENTICATED),
)
async def list_notices(
    call: Call,
    status: Statuses = None,
    type: Ids = None,  # noqa: A002 - the name of the parameter
    channel: Annotated[Literal["email", "webhook"] | None, Query()] = None,
    offer_id: Ids = None,
    representation_id: Ids = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """What was sent, or is to be sent, by e-mail and to webhooks, the newest first. Without addresses."""
    only = resend.NoticeFilter(status, type, channel, offer_id, representation_id)
    return page(await resend.notices(call.pool, call.organization_id, only, limit=limit, cursor=cursor), Notice)


@router.post(
    "/notices/{notice_id}/resend",
    operation_id="resend_notice",
    openapi_extra=ONCE,
    response_model=Notice,
    responses=declared([*POSTED, problems.NoticeNotFound]),
)
async def resend_notice(call: Call, notice_id: PathId) -> Response:
    """Send a notice again, whatever became of it: at once, with the id that it had. An e-mail goes only if it is
    still true."""
    caller = await call.caller_once()
    notice, replayed = await resend.resend(
        call.pool, call.organization_id, notice_id, idempotency=caller.idempotency
    )
    call.engine.wake.set()
    return answer(notice, replayed=replayed)
