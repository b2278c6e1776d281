"""Define the organizer's calls about webhooks and their deliveries."""

from typing import Annotated

from fastapi import Query, Response

from waiting_list import problems
from waiting_list.notifications import notices, webhooks
from waiting_list.notifications.models import (
    CreatedWebhook,
    Notice,
    Redelivered,
    Redelivery,
    Webhook,
    WebhookChange,
    WebhookFields,
)
from waiting_list.notifications.notice_status import NoticeStatus
from waiting_list.web.openapi import AUTHENTICATED, POSTED, WITH_BODY, declared
from waiting_list.web.parameters import ONCE, Cursor, Limit, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import Listing, answer, page
from waiting_list.web.routes import AdminRoute, organizer_router

router = organizer_router(AdminRoute, "Webhooks")
WEBHOOK = "/webhooks/{webhook_id}"
Statuses = Annotated[list[NoticeStatus] | None, Query()]


@router.get(
    "/webhooks",
    operation_id="list_webhooks",
    response_model=Listing[Webhook],
    responses=declared(AUTHENTICATED),
)
async def list_webhooks(call: ApiRequest, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List the organization's webhooks, without their secrets."""
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
async def create_webhook(call: ApiRequest, body: WebhookFields) -> Response:
    """Create a webhook. Only this answer shows its secret. An organization can have 20 webhooks."""
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
async def get_webhook(call: ApiRequest, webhook_id: PathId) -> Response:
    """Show a webhook, without its secret."""
    return answer(await webhooks.webhook(call.pool, call.organization_id, webhook_id))


@router.patch(
    WEBHOOK,
    operation_id="change_webhook",
    response_model=Webhook,
    responses=declared([*WITH_BODY, problems.WebhookNotFound]),
)
async def change_webhook(call: ApiRequest, webhook_id: PathId, body: WebhookChange) -> Response:
    """Change, disable or enable a webhook. Omitted fields keep their values."""
    changed = await webhooks.change(call.pool, call.service.settings, call.organization_id, webhook_id, body)
    return answer(changed)


@router.delete(
    WEBHOOK,
    operation_id="delete_webhook",
    response_model=Webhook,
    responses=declared([*WITH_BODY, problems.WebhookNotFound]),
)
async def delete_webhook(call: ApiRequest, webhook_id: PathId) -> Response:
    """Delete a webhook and its deliveries. The service does not send pending ones."""
    return answer(await webhooks.delete(call.pool, call.organization_id, webhook_id))


@router.get(
    WEBHOOK + "/deliveries",
    operation_id="list_deliveries",
    response_model=Listing[Notice],
    responses=declared([*AUTHENTICATED, problems.WebhookNotFound]),
)
async def list_deliveries(
    call: ApiRequest, webhook_id: PathId, status: Statuses = None, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List the sent and pending deliveries of a webhook, the newest first. `answer` is the answer of the
    receiver."""
    found = await notices.deliveries(
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
async def redeliver(call: ApiRequest, webhook_id: PathId, body: Redelivery) -> Response:
    """Send one delivery or all dead ones again, at once. Each keeps its id."""
    caller = await call.caller_once()
    sent, replayed = await notices.redeliver(
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
async def rotate_webhook_secret(call: ApiRequest, webhook_id: PathId) -> Response:
    """Create a new secret for a webhook. Only this answer shows it.

    For 24 hours the service signs deliveries with the old secret, too. A second rotation in this time ends the old
    secret at once.
    """
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
async def test_webhook(call: ApiRequest, webhook_id: PathId) -> Response:
    """Send a `webhook.test` event to a webhook, whatever its `types`. The deliveries of the webhook show the
    result."""
    caller = await call.caller_once()
    notice, replayed = await notices.send_test(
        call.pool, call.organization_id, webhook_id, idempotency=caller.idempotency
    )
    call.engine.wake.set()
    return answer(notice, status=201, replayed=replayed)
