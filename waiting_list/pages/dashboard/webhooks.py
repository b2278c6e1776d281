"""The dashboard pages of webhooks and their deliveries."""

import secrets

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list.lists.notice_kinds import WebhookType
from waiting_list.notifications import notices, webhooks
from waiting_list.notifications.models import Redelivery, WebhookChange, WebhookFields
from waiting_list.pages.dashboard.notices import NOTICES_SHOWN
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, idempotency_of
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import InvalidRequest, NoticeNotFound
from waiting_list.web.parameters import path_id

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)


@router.get(to.WEBHOOKS)
async def show_webhooks(call: PageRequest) -> Response:
    """List the webhooks of the organization."""
    return await _webhooks_page(call)


@router.post(to.WEBHOOKS)
async def create_webhook(call: PageRequest) -> Response:
    """Create a webhook, and show its secret on this page only. A repeated form shows the same page."""
    form = call.sent
    types = [one for one in WebhookType if f"type_{one}" in form]
    try:
        fields = WebhookFields.model_validate(
            {
                "url": form.get("url", "").strip(),
                "description": form.get("description", ""),
                "types": types,
                "notify_email": form.get("notify_email", "").strip() or None,
            }
        )
        created, _ = await webhooks.create(
            call.pool, call.service.settings, call.organization_id, fields, idempotency=idempotency_of(call)
        )
    except ValidationError as error:
        errors = {str(one["loc"][0]): one["msg"].removeprefix("Value error, ") for one in error.errors()}
        return await _webhooks_page(call, status=422, errors=errors)
    except InvalidRequest as problem:
        errors = {one["field"].rpartition(".")[2]: one["message"] for one in problem.extra["errors"]}
        return await _webhooks_page(call, status=422, errors=errors)
    return await _webhook_page(call, created.webhook_id, secret=created.secret)


@router.get(to.WEBHOOK)
async def show_webhook(call: PageRequest) -> Response:
    """Show a webhook and its deliveries."""
    return await _webhook_page(call, path_id(call, "webhook_id"))


@router.post(to.WEBHOOK_TEST)
async def test_webhook(call: PageRequest) -> Response:
    """Send a test delivery to a webhook."""
    webhook_id = path_id(call, "webhook_id")
    await notices.send_test(call.pool, call.organization_id, webhook_id, idempotency=idempotency_of(call))
    call.engine.wake.set()
    return _back_to(webhook_id, done="test")


@router.post(to.WEBHOOK_ENABLE)
async def enable_webhook(call: PageRequest) -> Response:
    """Enable a webhook again."""
    return await _change(call, WebhookChange(disabled=False), done="enable")


@router.post(to.WEBHOOK_DISABLE)
async def disable_webhook(call: PageRequest) -> Response:
    """Disable a webhook."""
    return await _change(call, WebhookChange(disabled=True), done="disable")


@router.post(to.WEBHOOK_ROTATE_SECRET)
async def rotate_secret(call: PageRequest) -> Response:
    """Create the next secret of a webhook, and show it on this page only. The old secret still signs for a day."""
    webhook_id = path_id(call, "webhook_id")
    rotated, _ = await webhooks.rotate_secret(
        call.pool, call.organization_id, webhook_id, idempotency=idempotency_of(call)
    )
    return await _webhook_page(call, webhook_id, secret=rotated.secret)


@router.get(to.WEBHOOK_DELETE)
async def ask_to_delete(call: PageRequest) -> Response:
    """Ask the organizer to confirm the deletion."""
    found = await webhooks.webhook(call.pool, call.organization_id, path_id(call, "webhook_id"))
    return dashboard_page(call, "dashboard_webhook_delete.html", webhook=found)


@router.post(to.WEBHOOK_DELETE)
async def delete_webhook(call: PageRequest) -> Response:
    """Delete a webhook with all its deliveries."""
    await webhooks.delete(call.pool, call.organization_id, path_id(call, "webhook_id"))
    return go_to(to.WEBHOOKS)


@router.post(to.WEBHOOK_REDELIVER)
async def redeliver(call: PageRequest) -> Response:
    """Send one delivery again, or all dead ones."""
    webhook_id, notice_id = path_id(call, "webhook_id"), call.sent.get("notice_id")
    try:
        what = Redelivery(notice_id=notice_id) if notice_id else Redelivery(status="dead")
    except ValidationError as error:
        raise NoticeNotFound("This notice does not exist.") from error
    await notices.redeliver(call.pool, call.organization_id, webhook_id, what, idempotency=idempotency_of(call))
    call.engine.wake.set()
    return _back_to(webhook_id, done="redeliver")


@router.get(to.WEBHOOK + to.ANYTHING_ELSE)
async def show_webhook_again(call: PageRequest) -> Response:
    """Redirect a reload of the answer to a form to the webhook's page."""
    webhook_id = path_id(call, "webhook_id")
    await webhooks.webhook(call.pool, call.organization_id, webhook_id)
    return go_to(to.address(to.WEBHOOK, webhook_id=webhook_id))


async def _change(call: PageRequest, changes: WebhookChange, *, done: str) -> Response:
    webhook_id = path_id(call, "webhook_id")
    await webhooks.change(call.pool, call.service.settings, call.organization_id, webhook_id, changes)
    return _back_to(webhook_id, done=done)


def _back_to(webhook_id: str, *, done: str) -> Response:
    return go_to(f"{to.address(to.WEBHOOK, webhook_id=webhook_id)}?done={done}")


async def _webhooks_page(
    call: PageRequest, *, status: int = 200, errors: dict[str, str] | None = None
) -> Response:
    found = await webhooks.webhooks(call.pool, call.organization_id, limit=webhooks.MOST_WEBHOOKS, cursor=None)
    return dashboard_page(
        call,
        "dashboard_webhooks.html",
        status=status,
        webhooks=found.items,
        most=webhooks.MOST_WEBHOOKS,
        types=list(WebhookType),
        form=getattr(call, "sent", {}),
        errors=errors or {},
        once=secrets.token_urlsafe(16),
    )


async def _webhook_page(call: PageRequest, webhook_id: str, *, secret: str | None = None) -> Response:
    found = await webhooks.webhook(call.pool, call.organization_id, webhook_id)
    sent = await notices.deliveries(
        call.pool,
        call.organization_id,
        webhook_id,
        status=None,
        limit=NOTICES_SHOWN,
        cursor=call.query_params.get("cursor") or None,
    )
    return dashboard_page(
        call,
        "dashboard_webhook.html",
        webhook=found,
        secret=secret,
        notices=sent.items,
        next_cursor=sent.next_cursor,
        done="done" in call.query_params,
        once=secrets.token_urlsafe(16),
    )
