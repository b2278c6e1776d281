"""The dashboard pages of members: the team of the organization, and one's own account, with their sessions."""

from typing import Any, cast

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.access import member_links, members
from waiting_list.access.authentication import Organizer
from waiting_list.access.dashboard_sessions import end_sessions, session_id_of, sessions
from waiting_list.access.members import Invited, Member
from waiting_list.access.passkey_challenges import RelyingParty
from waiting_list.access.passkeys import MOST_PASSKEYS, passkeys
from waiting_list.access.roles import Role
from waiting_list.access.scopes import Scope
from waiting_list.pages.browsers import browser_name
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page
from waiting_list.pages.page import ORGANIZER_COOKIE, PageRequest, go_to
from waiting_list.problems import InvalidRequest, NotFound
from waiting_list.web.parameters import path_id


class AccountRoute(DashboardRoute):
    """A page about the one who looks at it."""

    def required_scope(self, call: PageRequest) -> Scope:  # noqa: ARG002 - the same for all forms
        return Scope.READ


router = APIRouter(route_class=DashboardRoute, include_in_schema=False)
account_router = APIRouter(route_class=AccountRoute, include_in_schema=False)


@router.get(to.TEAM)
async def show_team(call: PageRequest) -> Response:
    """Show the members, and to an owner also their sessions."""
    return await _team_page(call)


@router.post(to.TEAM)
async def invite_member(call: PageRequest) -> Response:
    """Add a member, and e-mail an invitation; without a mail server, show its link on this page only."""
    form = call.sent
    try:
        asked = Invited.of(email=form.get("email", ""), name=form.get("name", ""), role=form.get("role", ""))
        member = await members.add_member(call.pool, call.organization_id, asked)
    except InvalidRequest as problem:
        return await _team_page(call, status=422, errors=wrong_fields(problem))
    return await _invited(call, member)


@router.post(to.TEAM_INVITE_AGAIN)
async def invite_again(call: PageRequest) -> Response:
    """Invite a member again who has yet to sign in."""
    member_id = path_id(call, "member_id")
    for member in await members.members(call.pool, call.organization_id):
        if member.member_id == member_id and member.joined_at is None:
            return await _invited(call, member)
    raise NotFound("There is no member with this id who has yet to sign in.")


@router.post(to.TEAM_MEMBER)
async def change_role(call: PageRequest) -> Response:
    """Give a member another role."""
    role, member_id = call.sent.get("role", ""), path_id(call, "member_id")
    if role not in [*Role]:
        raise InvalidRequest.of("role", "must be a role")
    try:
        await members.change_member(call.pool, call.organization_id, member_id, role=Role(role))
    except InvalidRequest:
        return await _team_page(call, status=422, last_owner=member_id)
    return go_to(f"{to.TEAM}?done=role")


@router.post(to.TEAM_REMOVE)
async def remove_member(call: PageRequest) -> Response:
    """Remove a member, and end their sessions."""
    member_id = path_id(call, "member_id")
    try:
        await members.remove_member(call.pool, call.organization_id, member_id)
    except InvalidRequest:
        return await _team_page(call, status=422, last_owner=member_id)
    return go_to(f"{to.TEAM}?done=removed")


@router.post(to.TEAM_SESSIONS)
async def end_session_of_team(call: PageRequest) -> Response:
    """End one session of the organization, or all but this one."""
    return await _end_sessions(call, None, to.TEAM)


@account_router.get(to.ACCOUNT)
async def show_account(call: PageRequest) -> Response:
    """Show who is signed in, and where else."""
    return await account_page(call)


@account_router.post(to.ACCOUNT)
async def change_name(call: PageRequest) -> Response:
    """Change one's own name."""
    try:
        name = call.sent.get("name", "")
        await members.change_member(call.pool, call.organization_id, own_id(call), name=name)
    except InvalidRequest as problem:
        return await account_page(call, status=422, errors=wrong_fields(problem))
    return go_to(f"{to.ACCOUNT}?done=name")


@account_router.post(to.ACCOUNT_SESSIONS)
async def end_own_session(call: PageRequest) -> Response:
    """End one of one's own sessions, or all but this one."""
    return await _end_sessions(call, own_id(call), to.ACCOUNT)


def own_id(call: PageRequest) -> str:
    """Return the id of the member who makes the call. Raises NotFound for an API key."""
    member_id = cast(Organizer, call.who).member_id
    if member_id is None:
        raise NotFound("Only members have an account. You signed in with an API key.")
    return member_id


def wrong_fields(problem: InvalidRequest) -> dict[str, str]:
    """Return the wrong fields of a form, each with the text that the page shows; empty for the usual one."""
    known = {"belongs to a member already": "known"}
    return {one["field"]: known.get(one["message"], "") for one in problem.extra["errors"]}


async def _sessions(call: PageRequest, member_id: str | None) -> dict[str, Any]:
    """Return the sessions of the organization, or of a member, this one first."""
    here = session_id_of(call.cookie(ORGANIZER_COOKIE) or "")
    found = await sessions(call.pool, call.organization_id, member_id=member_id)
    return {"here": here, "sessions": sorted(found, key=lambda one: one.session_id != here)}


async def _end_sessions(call: PageRequest, member_id: str | None, page: str) -> Response:
    await end_sessions(
        call.pool,
        call.organization_id,
        member_id=member_id,
        session_id=call.sent.get("session_id") or None,
        but=call.cookie(ORGANIZER_COOKIE),
    )
    return go_to(f"{page}?done=sessions")


async def _invited(call: PageRequest, member: Member) -> Response:
    if call.service.settings.sends_mail:
        await member_links.invite(call.pool, member, locale=call.locale())
        call.engine.wake.set()
        return go_to(f"{to.TEAM}?done=invited")
    secret, locale = await call.service.signing_keys.derived_secret(), call.locale()
    token = await member_links.make_link(
        call.pool, secret, member, lifetime=member_links.INVITATION, locale=locale
    )
    link = call.service.settings.public_url + to.address(to.DASHBOARD_SIGN_IN_LINK, token=token)
    return await _team_page(call, invited=member, link=link)


async def _team_page(call: PageRequest, *, status: int = 200, **shown: Any) -> Response:
    is_owner = cast(Organizer, call.who).may(Scope.ADMIN)
    return dashboard_page(
        call,
        "dashboard_team.html",
        status=status,
        members=await members.members(call.pool, call.organization_id),
        **(await _sessions(call, None) if is_owner else {}),
        roles=list(Role),
        mails=call.service.settings.sends_mail,
        form=call.sent if "errors" in shown else {},
        done=call.query_params.get("done") if call.method == "GET" else None,
        **{"errors": {}, "invited": None, "link": None, "last_owner": None} | shown,
    )


async def account_page(
    call: PageRequest, *, status: int = 200, errors: dict[str, str] | None = None, passkey_refused: bool = False
) -> Response:
    """Show the page of one's own account."""
    who = cast(Organizer, call.who)
    own = who.member_id
    form = call.sent if call.method == "POST" else {}
    return dashboard_page(
        call,
        "dashboard_account.html",
        status=status,
        **(await _sessions(call, own) if own else {}),
        passkeys=await passkeys(call.pool, own) if own else (),
        most_passkeys=MOST_PASSKEYS,
        passkey_name=form.get("passkey_name", browser_name(call.headers.get("user-agent"))),
        passkey_refused=passkey_refused,
        party=RelyingParty.of(call.service.settings.public_url),
        public_url=call.service.settings.public_url,
        name=form.get("name", who.name),
        errors=errors or {},
        done=call.query_params.get("done") if call.method == "GET" else None,
    )
