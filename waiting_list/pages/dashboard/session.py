"""Signing in on the dashboard with an API key, and what every page of it checks.

The browser keeps a session, never the key. What the key may not do, its session may not either.
"""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Response

from waiting_list.access.api_keys import Scope
from waiting_list.access.authentication import Organizer
from waiting_list.access.dashboard_sessions import SESSION, close_session, open_session, organizer_of
from waiting_list.page_addresses import DASHBOARD, DASHBOARD_SIGN_IN, DASHBOARD_SIGN_OUT
from waiting_list.pages.forms import check_same_origin, read_form, sign_forms
from waiting_list.pages.page import ORGANIZER_COOKIE, PageRequest, PageRoute, go_to, local, page
from waiting_list.problems import Forbidden, Problem, Unauthenticated


class DashboardRoute(PageRoute):
    """A page for an organizer who is signed in; everybody else is asked to. What the key may not do, its session
    may not either."""

    def needed(self, call: PageRequest) -> Scope:  # noqa: ARG002 - some forms differ
        """The scope that a form needs."""
        return Scope.ADMIN

    async def admit(self, call: PageRequest) -> Response | None:
        session = call.cookie(ORGANIZER_COOKIE)
        organizer = await organizer_of(call.pool, session) if session else None
        if organizer is None:
            return _sign_in_first(call)
        call.who = organizer
        call.count()
        await sign_forms(call, session)
        if call.page != DASHBOARD_SIGN_OUT:
            organizer.demand(self.needed(call) if call.method == "POST" else Scope.READ)
        return None

    async def refused(self, call: PageRequest, problem: Problem) -> Response:
        """What was refused, and why, on a page of the dashboard."""
        if call.who is None:
            return await super().refused(call, problem)
        return dashboard_page(call, "dashboard_refused.html", status=problem.status, problem=problem)


def dashboard_page(call: PageRequest, template: str, *, status: int = 200, **shown: Any) -> Response:
    """A page of the dashboard. Its template is given `organizer` besides, and whether the addresses of fans are
    hidden."""
    hidden = bool(call.service.peers.warnings)
    return page(call, template, status=status, organizer=call.who, addresses_hidden=hidden, **shown)


router = APIRouter(route_class=DashboardRoute, include_in_schema=False)
sign_in_router = APIRouter(route_class=PageRoute, include_in_schema=False)


@sign_in_router.get(DASHBOARD_SIGN_IN)
async def ask_to_sign_in(call: PageRequest) -> Response:
    """Asks for an API key."""
    return page(call, "dashboard_sign_in.html", next=local(call.query_params.get("next"), DASHBOARD), wrong=False)


@sign_in_router.post(DASHBOARD_SIGN_IN)
async def sign_in(call: PageRequest) -> Response:
    """Begins a session."""
    check_same_origin(call)
    call.allow(call.service.limits.sign_in_from(call.address))
    form = await read_form(call)
    after = local(form.get("next"), DASHBOARD)
    try:
        organizer: Organizer = await call.service.authenticator.organizer(
            f"Bearer {form.get('api_key', '').strip()}"
        )
    except (Unauthenticated, Forbidden) as problem:
        return page(call, "dashboard_sign_in.html", status=problem.status, next=after, wrong=True)
    answer = go_to(after)
    seconds = int(SESSION.total_seconds())
    call.set_cookie(answer, ORGANIZER_COOKIE, await open_session(call.pool, organizer), max_age=seconds)
    return answer


@router.post(DASHBOARD_SIGN_OUT)
async def sign_out(call: PageRequest) -> Response:
    """Ends the session, here and for whoever else may have its cookie."""
    await close_session(call.pool, call.cookie(ORGANIZER_COOKIE) or "")
    answer = go_to(DASHBOARD_SIGN_IN)
    call.delete_cookie(answer, ORGANIZER_COOKIE)
    return answer


def _sign_in_first(call: PageRequest) -> Response:
    # Who sent a form is not led back to it: it would have to be sent again.
    after = call.page if call.method == "GET" else DASHBOARD
    if call.method == "GET" and call.url.query:
        after += f"?{call.url.query}"
    return go_to(f"{DASHBOARD_SIGN_IN}?next={quote(after)}")
