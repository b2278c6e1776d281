"""The dashboard's pages of webhooks and their deliveries."""

import json
import secrets

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list.lists.events import WebhookType
from waiting_list.lists.idempotency import Idempotency
from waiting_list.notifications import notices as sent_notices
from waiting_list.notifications import webhooks
from waiting_list.notifications.models import Redelivery, WebhookChange, WebhookFields
from waiting_list.pages.dashboard.session import DashboardRoute, dashboard_page
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import InvalidRequest, NoticeNotFound
from waiting_list.web.parameters import path_id

NOTICES_SHOWN = 50

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)


@router.get(to.WEBHOOKS)
async def show_webhooks(call: PageRequest) -> Response:
    """Where the organization is told of changes."""
    return await _webhooks_page(call)


@router.post(to.WEBHOOKS)
async def create_webhook(call: PageRequest) -> Response:
    """A new one. Its secret is shown on this page only; who sends the form again sees the same."""
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
    """One of them, and what was sent to it."""
    return await _webhook_page(call, path_id(call, "webhook_id"))


@router.post(to.WEBHOOK_TEST)
async def test_webhook(call: PageRequest) -> Response:
    """Sends it a delivery that only tries it."""
    webhook_id = path_id(call, "webhook_id")
    await sent_notices.send_test(call.pool, call.organization_id, webhook_id, idempotency=idempotency_of(call))
    call.engine.wake.set()
    return _back_to(webhook_id, done="test")


@router.post(to.WEBHOOK_ENABLE)
async def enable_webhook(call: PageRequest) -> Response:
    """Gives it another chance."""
    return await _change(call, WebhookChange(disabled=False), done="enable")


@router.post(to.WEBHOOK_DISABLE)
async def disable_webhook(call: PageRequest) -> Response:
    """Sends nothing to it any more."""
    return await _change(call, WebhookChange(disabled=True), done="disable")


@router.post(to.WEBHOOK_ROTATE_SECRET)
async def rotate_secret(call: PageRequest) -> Response:
    """Its next secret, which is shown on this page only; the one before goes on for a day."""
    webhook_id = path_id(call, "webhook_id")
    rotated, _ = await webhooks.rotate_secret(
        call.pool, call.organization_id, webhook_id, idempotency=idempotency_of(call)
    )
    return await _webhook_page(call, webhook_id, secret=rotated.secret)


@router.get(to.WEBHOOK_DELETE)
async def ask_to_delete(call: PageRequest) -> Response:
    """Asks whether it is really to go."""
    found = await webhooks.webhook(call.pool, call.organization_id, path_id(call, "webhook_id"))
    return dashboard_page(call, "dashboard_webhook_delete.html", webhook=found)


@router.post(to.WEBHOOK_DELETE)
async def delete_webhook(call: PageRequest) -> Response:
    """Deletes it, with all deliveries to it."""
    await webhooks.delete(call.pool, call.organization_id, path_id(call, "webhook_id"))
    return go_to(to.WEBHOOKS)


@router.post(to.WEBHOOK_REDELIVER)
async def redeliver(call: PageRequest) -> Response:
    """Sends one delivery again, or all that were given up."""
    webhook_id, notice_id = path_id(call, "webhook_id"), call.sent.get("notice_id")
    try:
        what = Redelivery(notice_id=notice_id) if notice_id else Redelivery(status="dead")
    except ValidationError as error:
        raise NoticeNotFound("This notice does not exist.") from error
    await sent_notices.redeliver(
        call.pool, call.organization_id, webhook_id, what, idempotency=idempotency_of(call)
    )
    call.engine.wake.set()
    return _back_to(webhook_id, done="redeliver")


@router.get(to.WEBHOOK + to.ANYTHING_ELSE)
async def show_webhook_again(call: PageRequest) -> Response:
    """For who reloads what a form has answered."""
    webhook_id = path_id(call, "webhook_id")
    await webhooks.webhook(call.pool, call.organization_id, webhook_id)
    return go_to(to.address(to.WEBHOOK, webhook_id=webhook_id))


async def _change(call: PageRequest, changes: WebhookChange, *, done: str) -> Response:
    webhook_id = path_id(call, "webhook_id")
    await webhooks.change(call.pool, call.service.settings, call.organization_id, webhook_id, changes)
    return _back_to(webhook_id, done=done)


def _back_to(webhook_id: str, *, done: str) -> Response:
    return go_to(f"{to.address(to.WEBHOOK, webhook_id=webhook_id)}?done={done}")


def idempotency_of(call: PageRequest) -> Idempotency | None:
    """However often a button is pressed, what it does is done once: the page has given it a name."""
    name = call.sent.get("once")
    if not name:
        return None
    # One name for all buttons of a page, each of which may be pressed after the others.
    which = f"{name}\x00{call.page}\x00{call.sent.get('notice_id', '')}"
    sent = {field: value for field, value in sorted(call.sent.items()) if field != "form_token"}
    return Idempotency.of(caller=f"{call.organization_id}\x00dashboard", key=which, request=json.dumps(sent))


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
    sent = await sent_notices.deliveries(
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
