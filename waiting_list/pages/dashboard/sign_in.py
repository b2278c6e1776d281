"""Sign organizers in to the dashboard with an API key, and out. The browser stores a session, never the key."""

from contextlib import suppress

from fastapi import APIRouter, Response

from waiting_list.access.authentication import Organizer
from waiting_list.access.dashboard_sessions import SESSION, close_session, open_session
from waiting_list.page_addresses import DASHBOARD, DASHBOARD_SIGN_IN, DASHBOARD_SIGN_OUT
from waiting_list.pages.dashboard.page import DashboardRoute
from waiting_list.pages.forms import check_same_origin, local, read_form
from waiting_list.pages.page import ORGANIZER_COOKIE, PageRequest, PageRoute, go_to, page
from waiting_list.problems import Forbidden, Unauthenticated, Unavailable

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)
public_router = APIRouter(route_class=PageRoute, include_in_schema=False)
"""Pages for organizers who are not signed in yet."""


@public_router.get(DASHBOARD_SIGN_IN)
async def ask_to_sign_in(call: PageRequest) -> Response:
    """Ask for an API key."""
    after = local(call.query_params.get("next"), DASHBOARD)
    return page(call, "dashboard_sign_in.html", next=after, wrong=False, has_key=await _has_key(call))


@public_router.post(DASHBOARD_SIGN_IN)
async def sign_in(call: PageRequest) -> Response:
    """Start a session."""
    check_same_origin(call)
    call.allow(call.service.limits.sign_in_from(call.address))
    form = await read_form(call)
    after = local(form.get("next"), DASHBOARD)
    try:
        organizer: Organizer = await call.service.authenticator.organizer(
            f"Bearer {form.get('api_key', '').strip()}"
        )
    except (Unauthenticated, Forbidden) as problem:
        has_key = await _has_key(call)
        return page(call, "dashboard_sign_in.html", status=problem.status, next=after, wrong=True, has_key=has_key)
    answer = go_to(after)
    seconds = int(SESSION.total_seconds())
    call.set_cookie(answer, ORGANIZER_COOKIE, await open_session(call.pool, organizer), max_age=seconds)
    return answer


@router.post(DASHBOARD_SIGN_OUT)
async def sign_out(call: PageRequest) -> Response:
    """End the session, also for another browser with the same cookie."""
    await close_session(call.pool, call.cookie(ORGANIZER_COOKIE) or "")
    answer = go_to(DASHBOARD_SIGN_IN)
    call.delete_cookie(answer, ORGANIZER_COOKIE)
    return answer


async def _has_key(call: PageRequest) -> bool:
    # Without the database the page is as usual, because it cannot know.
    with suppress(Unavailable):
        return await call.service.authenticator.has_api_key()
    return True
