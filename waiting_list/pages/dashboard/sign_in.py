"""Sign organizers in to the dashboard with a link or an API key, and out. Passkeys: passkeys.py.

The browser stores a session, never the key.
"""

from contextlib import suppress

from fastapi import APIRouter, Response
from pydantic import TypeAdapter, ValidationError

from waiting_list.access.authentication import Organizer
from waiting_list.access.dashboard_sessions import KEY_SESSION, MEMBER_SESSION, close_session, open_session
from waiting_list.access.member_links import SIGN_IN, ask_for_link, read_link, use_link
from waiting_list.access.passkey_challenges import RelyingParty
from waiting_list.fields import Email
from waiting_list.page_addresses import (
    DASHBOARD,
    DASHBOARD_SIGN_IN,
    DASHBOARD_SIGN_IN_LINK,
    DASHBOARD_SIGN_OUT,
)
from waiting_list.pages.browsers import browser_name
from waiting_list.pages.dashboard.page import DashboardRoute
from waiting_list.pages.forms import check_same_origin, local, read_form
from waiting_list.pages.page import NOT_REFERRED, ORGANIZER_COOKIE, PageRequest, PageRoute, go_to, page
from waiting_list.problems import Forbidden, RateLimited, Unauthenticated, Unavailable

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)
public_router = APIRouter(route_class=PageRoute, include_in_schema=False)
"""Pages for organizers who are not signed in yet."""
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)


@public_router.get(DASHBOARD_SIGN_IN)
async def ask_to_sign_in(call: PageRequest) -> Response:
    """Ask for an e-mail address or an API key."""
    return await sign_in_page(call, local(call.query_params.get("next"), DASHBOARD))


@public_router.post(DASHBOARD_SIGN_IN)
async def sign_in(call: PageRequest) -> Response:
    """Start a session of an API key, or send a link to an e-mail address."""
    check_same_origin(call)
    call.allow(call.service.limits.sign_in_from(call.address))
    form = await read_form(call)
    after = local(form.get("next"), DASHBOARD)
    if "email" in form:
        return await _send_link(call, form["email"].strip(), after)
    try:
        organizer: Organizer = await call.service.authenticator.organizer(
            f"Bearer {form.get('api_key', '').strip()}"
        )
    except (Unauthenticated, Forbidden) as problem:
        return await sign_in_page(call, after, status=problem.status, wrong="api_key")
    session = await open_session(call.pool, organizer, browser=browser_name(call.headers.get("user-agent")))
    answer = go_to(after)
    call.set_cookie(answer, ORGANIZER_COOKIE, session, max_age=int(KEY_SESSION.total_seconds()))
    return answer


@public_router.get(DASHBOARD_SIGN_IN_LINK)
async def ask_to_use_link(call: PageRequest) -> Response:
    """Show a button that uses the link, because scanners of e-mails open links and must not use them.

    With several organizations, show a button for each.
    """
    return await _link_page(call)


async def _link_page(call: PageRequest, *, status: int = 200) -> Response:
    secret = await call.service.signing_keys.derived_secret()
    link = await read_link(call.pool, secret, call.path_params["token"])
    if link is None:
        return page(call, "dashboard_link_used.html", status=404, headers=NOT_REFERRED)
    locale = call.locale(link.locale)
    return page(call, "dashboard_link.html", status=status, headers=NOT_REFERRED, locale=locale, link=link)


@public_router.post(DASHBOARD_SIGN_IN_LINK)
async def use_sign_in_link(call: PageRequest) -> Response:
    """Sign the member in. Each link works once, and is used up only if it does.

    Raises Forbidden for a form from another site, which could sign a visitor in as another member.
    """
    check_same_origin(call, or_null=True)
    call.allow(call.service.limits.sign_in_from(call.address))
    form = await read_form(call)
    found = await use_link(
        call.pool,
        await call.service.signing_keys.derived_secret(),
        call.path_params["token"],
        member_id=form.get("member_id", ""),
        browser=browser_name(call.headers.get("user-agent")),
    )
    if found is None:
        # A link that is still valid offers its members again: the chosen one may have been removed meanwhile.
        return await _link_page(call, status=422)
    session, link = found
    return sign_in_as(call, session, local(link.next, DASHBOARD))


@router.post(DASHBOARD_SIGN_OUT)
async def sign_out(call: PageRequest) -> Response:
    """End the session, also for another browser with the same cookie."""
    await close_session(call.pool, call.cookie(ORGANIZER_COOKIE) or "")
    answer = go_to(DASHBOARD_SIGN_IN)
    call.delete_cookie(answer, ORGANIZER_COOKIE)
    return answer


def sign_in_as(call: PageRequest, session: str, after: str) -> Response:
    """Redirect to a page with a new session of a member."""
    answer = go_to(after)
    call.set_cookie(answer, ORGANIZER_COOKIE, session, max_age=int(MEMBER_SESSION.total_seconds()))
    return answer


async def _send_link(call: PageRequest, given: str, after: str) -> Response:
    # The answer is the same for every address, so that it tells a stranger nothing.
    try:
        email = _EMAIL.validate_python(given)
    except ValidationError:
        return await sign_in_page(call, after, status=422, wrong="email", email=given)
    if call.service.settings.sends_mail:
        with suppress(RateLimited):
            await call.service.mail_limits.count_member_sign_in(email, call.address)
            await ask_for_link(call.pool, email, locale=call.locale(), after=after)
            call.engine.wake.set()
    return page(call, "dashboard_link_sent.html", email=email, minutes=int(SIGN_IN.total_seconds()) // 60)


async def sign_in_page(
    call: PageRequest, after: str, *, status: int = 200, wrong: str = "", email: str = ""
) -> Response:
    """Show the page that asks to sign in. `wrong` names what was sent before and did not sign in."""
    return page(
        call,
        "dashboard_sign_in.html",
        status=status,
        next=after,
        wrong=wrong,
        email=email,
        mails=call.service.settings.sends_mail,
        party=RelyingParty.of(call.service.settings.public_url),
        public_url=call.service.settings.public_url,
        has_organizer=await _has_organizer(call),
    )


async def _has_organizer(call: PageRequest) -> bool:
    # Without the database the page is as usual, because it cannot know.
    with suppress(Unavailable):
        return await call.service.authenticator.has_organizer()
    return True
