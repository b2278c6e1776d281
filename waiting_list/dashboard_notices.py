"""The dashboard's pages of what is sent: webhooks and their deliveries, and notices that failed."""

import json
import secrets

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list import resend, webhooks
from waiting_list.calls import path_id
from waiting_list.dashboard import DashboardRoute, dashboard_page
from waiting_list.idempotency import Idempotency
from waiting_list.notices import NoticeStatus, Redelivery, WebhookChange, WebhookFields, WebhookType
from waiting_list.pages import PageCall, go_to
from waiting_list.problems import InvalidRequest, NoticeNotFound

_SHOWN = 50

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)


@router.get(to.WEBHOOKS)
async def show_webhooks(call: PageCall) -> Response:
    """Where the organization is told of changes."""
    return await _webhooks_page(call)


@router.post(to.WEBHOOKS)
async def create_webhook(call: PageCall) -> Response:
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
            call.pool, call.service.settings, call.organization_id, fields, idempotency=_once(call)
        )
    except ValidationError as error:
        errors = {str(one["loc"][0]): one["msg"].removeprefix("Value error, ") for one in error.errors()}
        return await _webhooks_page(call, status=422, errors=errors)
    except InvalidRequest as problem:
        errors = {one["field"].rpartition(".")[2]: one["message"] for one in problem.extra["errors"]}
        return await _webhooks_page(call, status=422, errors=errors)
    return await _webhook_page(call, created.webhook_id, secret=created.secret)


@router.get(to.WEBHOOK)
async def show_webhook(call: PageCall) -> Response:
    """One of them, and what was sent to it."""
    return await _webhook_page(call, path_id(call, "webhook_id"))


@router.post(to.WEBHOOK_TEST)
async def test_webhook(call: PageCall) -> Response:
    """Sends it a delivery that only tries it."""
    webhook_id = path_id(call, "webhook_id")
    await resend.send_test(call.pool, call.organization_id, webhook_id, idempotency=_once(call))
    call.engine.wake.set()
    return _back_to(webhook_id, done="test")


@router.post(to.WEBHOOK_ENABLE)
async def enable_webhook(call: PageCall) -> Response:
    """Gives it another chance."""
    return await _change(call, WebhookChange(disabled=False), done="enable")


@router.post(to.WEBHOOK_DISABLE)
async def disable_webhook(call: PageCall) -> Response:
    """Sends nothing to it any more."""
    return await _change(call, WebhookChange(disabled=True), done="disable")


@router.post(to.WEBHOOK_ROTATE_SECRET)
async def rotate_secret(call: PageCall) -> Response:
    """Its next secret, which is shown on this page only; the one before goes on for a day."""
    webhook_id = path_id(call, "webhook_id")
    rotated, _ = await webhooks.rotate_secret(call.pool, call.organization_id, webhook_id, idempotency=_once(call))
    return await _webhook_page(call, webhook_id, secret=rotated.secret)


@router.get(to.WEBHOOK_DELETE)
async def ask_to_delete(call: PageCall) -> Response:
    """Asks whether it is really to go."""
    found = await webhooks.webhook(call.pool, call.organization_id, path_id(call, "webhook_id"))
    return dashboard_page(call, "dashboard_webhook_delete.html", webhook=found)


@router.post(to.WEBHOOK_DELETE)
async def delete_webhook(call: PageCall) -> Response:
    """Deletes it, with all deliveries to it."""
    await webhooks.delete(call.pool, call.organization_id, path_id(call, "webhook_id"))
    return go_to(to.WEBHOOKS)


@router.post(to.WEBHOOK_REDELIVER)
async def redeliver(call: PageCall) -> Response:
    """Sends one delivery again, or all that were given up."""
    webhook_id, notice_id = path_id(call, "webhook_id"), call.sent.get("notice_id")
    try:
        what = Redelivery(notice_id=notice_id) if notice_id else Redelivery(status="dead")
    except ValidationError as error:
        raise NoticeNotFound("This notice does not exist.") from error
    await resend.redeliver(call.pool, call.organization_id, webhook_id, what, idempotency=_once(call))
    call.engine.wake.set()
    return _back_to(webhook_id, done="redeliver")


@router.get(to.WEBHOOK + to.ANYTHING_ELSE)
async def show_webhook_again(call: PageCall) -> Response:
    """For who reloads what a form has answered."""
    webhook_id = path_id(call, "webhook_id")
    await webhooks.webhook(call.pool, call.organization_id, webhook_id)
    return go_to(to.address(to.WEBHOOK, webhook_id=webhook_id))


@router.get(to.NOTICES)
async def show_notices(call: PageCall) -> Response:
    """What was sent, or is to be; those that were given up, unless a query says so."""
    asked = call.query_params
    status = asked.get("status", NoticeStatus.DEAD)
    if status not in ("all", *NoticeStatus):
        raise InvalidRequest.of("query.status", "must be pending, sent, dead or dropped")
    channel = asked.get("channel") or None
    if channel not in (None, "email", "webhook"):
        raise InvalidRequest.of("query.channel", "must be email or webhook")
    found = await resend.notices(
        call.pool,
        call.organization_id,
        resend.NoticeFilter(status=None if status == "all" else [status], channel=channel),  # type: ignore[arg-type]
        limit=_SHOWN,
        cursor=asked.get("cursor") or None,
    )
    return dashboard_page(
        call,
        "dashboard_notices.html",
        notices=found.items,
        next_cursor=found.next_cursor,
        chosen=status,
        channel=channel,
        statuses=list(NoticeStatus),
        done="done" in asked,
        once=secrets.token_urlsafe(16),
    )


@router.post(to.NOTICES_RESEND)
async def resend_notices(call: PageCall) -> Response:
    """Sends one again, or all that were given up."""
    if notice_id := call.sent.get("notice_id"):
        await resend.resend(call.pool, call.organization_id, notice_id, idempotency=_once(call))
    else:
        await resend.resend_dead(call.pool, organization_id=call.organization_id)
    call.engine.wake.set()
    return go_to(f"{to.NOTICES}?done=resend")


async def _change(call: PageCall, changes: WebhookChange, *, done: str) -> Response:
    webhook_id = path_id(call, "webhook_id")
    await webhooks.change(call.pool, call.service.settings, call.organization_id, webhook_id, changes)
    return _back_to(webhook_id, done=done)


def _back_to(webhook_id: str, *, done: str) -> Response:
    return go_to(f"{to.address(to.WEBHOOK, webhook_id=webhook_id)}?done={done}")


def _once(call: PageCall) -> Idempotency | None:
    """However often a button is pressed, what it does is done once: the page has given it a name."""
    name = call.sent.get("once")
    if not name:
        return None
    # One name for all buttons of a page, each of which may be pressed after the others.
    which = f"{name}\x00{call.page}\x00{call.sent.get('notice_id', '')}"
    sent = {field: value for field, value in sorted(call.sent.items()) if field != "form_token"}
    return Idempotency.of(caller=f"{call.organization_id}\x00dashboard", key=which, request=json.dumps(sent))


async def _webhooks_page(call: PageCall, *, status: int = 200, errors: dict[str, str] | None = None) -> Response:
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


async def _webhook_page(call: PageCall, webhook_id: str, *, secret: str | None = None) -> Response:
    found = await webhooks.webhook(call.pool, call.organization_id, webhook_id)
    sent = await resend.deliveries(
        call.pool,
        call.organization_id,
        webhook_id,
        status=None,
        limit=_SHOWN,
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
