"""Sign fans in, with an e-mailed link or with the user token that their shop made; and sign them out."""

from contextlib import suppress

from fastapi import APIRouter, Response
from pydantic import TypeAdapter, ValidationError

from waiting_list.access import email_sign_in
from waiting_list.access.email_sign_in import SignIn
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.fields import Email
from waiting_list.notifications import organizations
from waiting_list.page_addresses import HOME, SIGN_IN, SIGN_IN_LINK, SIGN_IN_WITH_TOKEN, SIGN_OUT
from waiting_list.pages.fans.page import FanRoute
from waiting_list.pages.forms import check_same_origin, local, read_form, sent_solution
from waiting_list.pages.page import FAN_COOKIE, NOT_REFERRED, PageRequest, PageRoute, go_to, page
from waiting_list.problems import (
    ChallengeRequired,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    Unauthenticated,
)

router = APIRouter(route_class=FanRoute, include_in_schema=False)
public_router = APIRouter(route_class=PageRoute, include_in_schema=False)
"""Pages for which a link or a token is enough, so that their forms need no token of a session."""

_EMAIL: TypeAdapter[str] = TypeAdapter(Email)


@router.get(SIGN_IN)
async def ask(call: PageRequest) -> Response:
    """Ask for an e-mail address."""
    return await _asked(call, local(call.query_params.get("next")))


@router.post(SIGN_IN)
async def send_link(call: PageRequest) -> Response:
    """Send a link to sign in. The answer is the same for every address, so that it tells a stranger nothing."""
    call.allow(call.service.limits.sign_in_from(call.address))
    form, known = call.sent, await catalogue_queries.organizations(call.pool)
    organization_id = form.get("organization_id", min(known) if len(known) == 1 else "")
    if organization_id not in known:
        raise InvalidRequest.of("organization_id", "has no upcoming event")
    try:
        email = _EMAIL.validate_python(form.get("email", "").strip())
    except ValidationError:
        return await _asked(call, local(form.get("next")), wrong=form.get("email", ""))
    try:
        await call.service.gate.sign_in(
            organization_id,
            email,
            network=call.service.limits.network(call.address),
            given=sent_solution(form),
        )
    except ChallengeRequired as refusal:
        return await _asked(call, local(form.get("next")), refusal=refusal)
    asked = SignIn(organization_id, email, call.locale(), local(form.get("next")))
    if call.service.settings.sends_mail:
        with suppress(RateLimited):
            await call.service.mail_limits.count_sign_in(organization_id, email, call.address)
            await email_sign_in.ask_to_sign_in(call.pool, asked)
            call.engine.wake.set()
    return page(
        call,
        "sign_in_sent.html",
        email=email,
        minutes=int(email_sign_in.SIGN_IN.total_seconds()) // 60,
        look=known[organization_id],
    )


@public_router.post(SIGN_IN_WITH_TOKEN)
async def sign_in_with_token(call: PageRequest) -> Response:
    """Sign a fan in with a user token. A shop's page sends the token as a form, so that no address contains it.

    Only refused tokens count as attempts, because a crowd with valid ones may share one address. Raises
    Unauthenticated, Forbidden, RateLimited.
    """
    form = await read_form(call)
    token = form.get("token", "").strip()
    try:
        await call.service.authenticator.user(f"Bearer {token}")
    except (Unauthenticated, Forbidden):
        call.allow(call.service.limits.sign_in_from(call.address))
        raise
    answer = go_to(local(form.get("next")))
    call.set_cookie(answer, FAN_COOKIE, token)
    return answer


@public_router.get(SIGN_IN_LINK)
async def ask_to_use_link(call: PageRequest) -> Response:
    """Show a button that uses the link, because scanners of e-mails open links and must not use them."""
    secret = await call.service.signing_keys.derived_secret()
    asked = await email_sign_in.sign_in_asked(call.pool, secret, call.path_params["token"])
    if asked is None:
        return _used_up(call)
    found = await organizations.organization(call.pool, asked.organization_id)
    return page(
        call,
        "sign_in_link.html",
        headers=NOT_REFERRED,
        locale=call.locale(asked.locale),
        asked=asked,
        look=found.look,
    )


@public_router.post(SIGN_IN_LINK)
async def use_link(call: PageRequest) -> Response:
    """Sign the fan in with a link. Each link works once.

    Raises Forbidden for a form from another site, which could sign a visitor in as another fan.
    """
    check_same_origin(call, or_null=True)
    service = call.service
    asked = await email_sign_in.use_sign_in(
        call.pool, await service.signing_keys.derived_secret(), call.path_params["token"]
    )
    if asked is None:
        return _used_up(call)
    answer = go_to(asked.next)
    call.set_cookie(
        answer,
        FAN_COOKIE,
        await email_sign_in.fan_token(service.signing_keys, service.user_tokens, asked),
        max_age=email_sign_in.FAN_SECONDS,
    )
    return answer


@router.post(SIGN_OUT)
async def sign_out(call: PageRequest) -> Response:
    """End all tokens of the fan on all devices, and delete the cookie in this browser."""
    if call.who is not None:
        await call.service.sign_outs.sign_out(call.organization_id, call.user.user_id)
    answer = go_to(HOME)
    call.delete_cookie(answer, FAN_COOKIE)
    return answer


def _used_up(call: PageRequest) -> Response:
    return page(call, "sign_in_used.html", status=NotFound.status, headers=NOT_REFERRED)


async def _asked(
    call: PageRequest, after: str, *, wrong: str | None = None, refusal: ChallengeRequired | None = None
) -> Response:
    status = 200 if wrong is None else InvalidRequest.status
    sent = getattr(call, "sent", {})
    known = await catalogue_queries.organizations(call.pool)
    return page(
        call,
        "sign_in.html",
        status=refusal.status if refusal else status,
        next=after,
        wrong=wrong,
        email=sent.get("email", ""),
        organization_id=sent.get("organization_id"),
        challenge=refusal.extra["challenge"] if refusal else None,
        by_hand="challenge_solution" in sent,
        organizations=known,
        look=known[min(known)] if len(known) == 1 else None,
        mails=call.service.settings.sends_mail,
    )
