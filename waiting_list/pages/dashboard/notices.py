"""The dashboard page of notices: list sent and failed ones, resend them, and set the gateway for text messages."""

import re
import secrets
from contextlib import suppress
from typing import get_args

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list.notifications import gateways, notices
from waiting_list.notifications.channels import ChannelName
from waiting_list.notifications.gateways import GatewayFields, GatewayTest
from waiting_list.notifications.notice_status import NoticeStatus
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, idempotency_of
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import GatewayNotFound, InvalidRequest, RateLimited

NOTICES_SHOWN = 50
"""The number of notices on one page."""
_FIELDS = {"url": "gateway_url"}
"""The fields of the form whose texts are those of another name, because webhooks have a `url`, too."""

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)


@router.get(to.NOTICES)
async def show_notices(call: PageRequest) -> Response:
    """List notices: the dead ones, unless the query names another status."""
    return await _shown(call)


@router.post(to.NOTICES_RESEND)
async def resend_notices(call: PageRequest) -> Response:
    """Send one notice again, or all dead ones."""
    if notice_id := call.sent.get("notice_id"):
        await notices.resend(call.pool, call.organization_id, notice_id, idempotency=idempotency_of(call))
    else:
        await notices.resend_dead(call.pool, organization_id=call.organization_id)
    call.engine.wake.set()
    return go_to(f"{to.NOTICES}?done=resend")


@router.get(to.NOTICES_GATEWAY)
async def show_gateway_again(call: PageRequest) -> Response:  # noqa: ARG001 - the signature of a handler
    """Redirect a reload of the answer to the form."""
    return go_to(f"{to.NOTICES}#gateway")


@router.post(to.NOTICES_GATEWAY)
async def set_gateway(call: PageRequest) -> Response:
    """Set the gateway for text messages, and show its secret on this page only."""
    sent, secret = call.sent, await call.service.signing_keys.derived_secret()
    prefixes = tuple(one.replace(" ", "") for one in re.split(r"[,;\n]+", sent.get("prefixes", "")) if one.strip())
    try:
        fields = GatewayFields(url=sent.get("url", "").strip(), prefixes=prefixes)
        made = await gateways.set_gateway(call.pool, call.service.settings, secret, call.organization_id, fields)
    except ValidationError as error:
        errors = {str(one["loc"][0]): one["msg"] for one in error.errors()}
    except InvalidRequest as problem:
        errors = {one["field"].rpartition(".")[2]: one["message"] for one in problem.extra["errors"]}
    else:
        return (
            await _shown(call, secret=made.secret) if made.secret else go_to(f"{to.NOTICES}?done=gateway#gateway")
        )
    return await _shown(call, errors={_FIELDS.get(name, name): text for name, text in errors.items()})


@router.post(to.NOTICES_GATEWAY_DELETE)
async def delete_gateway(call: PageRequest) -> Response:
    """Stop all text messages."""
    with suppress(GatewayNotFound):  # pressed twice
        await gateways.delete_gateway(call.pool, call.organization_id)
    return go_to(f"{to.NOTICES}?done=gateway#gateway")


@router.get(to.NOTICES_GATEWAY_TEST)
async def show_gateway_after_test(call: PageRequest) -> Response:  # noqa: ARG001 - as above
    """Redirect a reload of a refused test to the form."""
    return go_to(f"{to.NOTICES}#gateway")


@router.post(to.NOTICES_GATEWAY_TEST)
async def test_gateway(call: PageRequest) -> Response:
    """Send a test through the gateway, and show the text messages with what it answers."""
    phone = call.sent.get("test_phone", "").strip()
    try:
        given = GatewayTest(phone=phone, locale=call.locale())
        await notices.send_test_text(
            call.pool,
            call.service.mail_limits,
            call.organization_id,
            given,
            address=call.address,
            idempotency=idempotency_of(call),
        )
    except (ValidationError, InvalidRequest):
        return await _shown(call, errors={"test_phone": "number"})
    except RateLimited:
        return await _shown(call, errors={"test_phone": "limit"})
    except GatewayNotFound:  # deleted meanwhile
        return go_to(f"{to.NOTICES}#gateway")
    call.engine.wake.set()
    return go_to(f"{to.NOTICES}?status=all&channel=sms&done=test")


async def _shown(
    call: PageRequest, *, errors: dict[str, str] | None = None, secret: str | None = None
) -> Response:
    asked = call.query_params
    status = asked.get("status", NoticeStatus.DEAD)
    if status not in ("all", *NoticeStatus):
        raise InvalidRequest.of("query.status", "must be pending, sent, dead or dropped")
    channel = asked.get("channel") or None
    if channel not in (None, *get_args(ChannelName)):
        raise InvalidRequest.of("query.channel", f"must be one of {', '.join(get_args(ChannelName))}")
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
        status=422 if errors else 200,
        mail_waits=not call.service.deployment_metrics.mail_seen.is_now,
        notices=found.items,
        next_cursor=found.next_cursor,
        chosen=status,
        channel=channel,
        statuses=list(NoticeStatus),
        gateway=await gateways.gateway(call.pool, call.organization_id),
        secret=secret,
        form=call.sent if errors else {},
        errors=errors or {},
        done=asked.get("done"),
        once=secrets.token_urlsafe(16),
    )
