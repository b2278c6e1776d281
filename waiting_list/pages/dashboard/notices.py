"""The dashboard page of notices: list sent and failed ones, and resend them."""

import secrets

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.notifications import notices
from waiting_list.notifications.notice_status import NoticeStatus
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, idempotency_of
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import InvalidRequest

NOTICES_SHOWN = 50
"""The number of notices on one page."""

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)


@router.get(to.NOTICES)
async def show_notices(call: PageRequest) -> Response:
    """List notices: the dead ones, unless the query names another status."""
    asked = call.query_params
    status = asked.get("status", NoticeStatus.DEAD)
    if status not in ("all", *NoticeStatus):
        raise InvalidRequest.of("query.status", "must be pending, sent, dead or dropped")
    channel = asked.get("channel") or None
    if channel not in (None, "email", "push", "webhook"):
        raise InvalidRequest.of("query.channel", "must be email, push or webhook")
    found = await notices.notices(
        call.pool,
        call.organization_id,
        notices.NoticeFilter(status=None if status == "all" else [status], channel=channel),  # type: ignore[arg-type]
        limit=NOTICES_SHOWN,
        cursor=asked.get("cursor") or None,
    )
    await call.service.deployment_metrics.read()
    return dashboard_page(
        call,
        "dashboard_notices.html",
        mail_waits=not call.service.deployment_metrics.mail_seen.is_now,
        notices=found.items,
        next_cursor=found.next_cursor,
        chosen=status,
        channel=channel,
        statuses=list(NoticeStatus),
        done="done" in asked,
        once=secrets.token_urlsafe(16),
    )


@router.post(to.NOTICES_RESEND)
async def resend_notices(call: PageRequest) -> Response:
    """Send one notice again, or all dead ones."""
    if notice_id := call.sent.get("notice_id"):
        await notices.resend(call.pool, call.organization_id, notice_id, idempotency=idempotency_of(call))
    else:
        await notices.resend_dead(call.pool, organization_id=call.organization_id)
    call.engine.wake.set()
    return go_to(f"{to.NOTICES}?done=resend")
