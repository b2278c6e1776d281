"""The dashboard pages of one entry: its facts, its contact, its private link and its e-mails."""

import re
import secrets
from typing import Any

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list.access import private_links
from waiting_list.access.members import actor_names
from waiting_list.access.scopes import Scope
from waiting_list.lists import verbs
from waiting_list.lists.contact import Contact, ContactFields
from waiting_list.lists.models import ListKey, Status
from waiting_list.lists.queries import history as history_queries
from waiting_list.lists.queries.why_passed import PassedPage, why_passed
from waiting_list.notifications import notices
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, idempotency_of, list_facts
from waiting_list.pages.dashboard.people import people_of
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import AddressTaken, EmailRequired, NoticeNotFound, Problem
from waiting_list.web.parameters import path_id, path_key
from waiting_list.web.shown_people import sees_people

_CHANGES = 30
_EMAILS = 5
"""How many e-mails the page of an entry shows."""
_PASSED_OFFERS = 10
_SEQUENCE = re.compile(r"[0-9]{1,18}", re.ASCII)
_CONTACT = ("name", "email", "locale")


class EntryRoute(DashboardRoute):
    """A page of an entry, or a form that changes its contact."""

    def required_scope(self, call: PageRequest) -> Scope:  # noqa: ARG002 - the same for all forms
        return Scope.ENTRIES


router = APIRouter(route_class=EntryRoute, include_in_schema=False)


@router.get(to.DASHBOARD_ENTRY)
async def show_entry(call: PageRequest) -> Response:
    """Show a fan's latest entry, its e-mails, its history and its actions."""
    return await _page(call)


@router.post(to.DASHBOARD_ENTRY_LINK)
async def show_link(call: PageRequest) -> Response:
    """Make the private link of the entry, and show it on this page only."""
    key, user_id = path_key(call), path_id(call, "user_id")
    entry = await call.reads.entry(key, user_id, organization_id=call.organization_id)
    secret = await call.service.signing_keys.derived_secret()
    path = await private_links.make_link(call.pool, secret, key, entry.number)
    return await _page(call, link=call.service.settings.public_url + path)


@router.post(to.DASHBOARD_ENTRY_RESEND)
async def resend_email(call: PageRequest) -> Response:
    """Send one of the entry's e-mails again, once. Raises NoticeNotFound for any other notice."""
    key, user_id = path_key(call), path_id(call, "user_id")
    entry = await call.reads.entry(key, user_id, organization_id=call.organization_id)
    sent = await notices.emails_of_entry(call.pool, key, entry.number, limit=_EMAILS)
    notice_id = call.sent.get("notice_id", "")
    if all(one.notice_id != notice_id for one in sent):
        raise NoticeNotFound("This notice does not exist.")
    await notices.resend(call.pool, call.organization_id, notice_id, idempotency=idempotency_of(call))
    call.engine.wake.set()
    return go_to(f"{to.of_list(to.DASHBOARD_ENTRY, key, user_id=user_id)}?done=resend")


@router.get(to.DASHBOARD_ENTRY_CONTACT)
async def show_contact(call: PageRequest) -> Response:
    """Show the contact of an entry in a form."""
    return await _contact_page(call)


@router.post(to.DASHBOARD_ENTRY_CONTACT)
async def change_contact(call: PageRequest) -> Response:
    """Change the contact of an entry. What is refused is shown again, with the field marked."""
    key, user_id = path_key(call), path_id(call, "user_id")
    await list_facts(call, key)
    contact, errors = read_contact(call)
    if contact is None:
        return await _contact_page(call, errors=errors)
    try:
        await call.engine.run(key, call.caller, verbs.set_contact, user_id=user_id, contact=contact)
    except (AddressTaken, EmailRequired) as problem:
        return await _contact_page(call, errors={"email": problem.code}, status=problem.status)
    except Problem as problem:
        return await _contact_page(call, refusal=problem, status=problem.status)
    return go_to(f"{to.of_list(to.DASHBOARD_ENTRY, key, user_id=user_id)}?done=set_contact")


def read_contact(call: PageRequest) -> tuple[Contact | None, dict[str, str]]:
    """Return the contact that a form has, or the names of its wrong fields, each with a code."""
    given = {name: call.sent.get(name, "").strip() or None for name in _CONTACT}
    try:
        fields = ContactFields.model_validate(given)
    except ValidationError as error:
        return None, {str(one["loc"][0]): "invalid" for one in error.errors()}
    verified = fields.email is not None and "email_verified" in call.sent
    return Contact.of(fields, email_verified=verified), {}


async def _page(call: PageRequest, *, link: str | None = None) -> Response:
    key, user_id = path_key(call), path_id(call, "user_id")
    shown = await list_facts(call, key)
    entry = await call.reads.explained_entry(key, user_id, organization_id=call.organization_id)
    found = await history_queries.story_of_entry(
        call.pool,
        key,
        organization_id=call.organization_id,
        number=entry.number,
        limit=_CHANGES,
        cursor=None,
    )
    since = entry.ready_at if entry.status is Status.READY else None
    passed = await _passed(call, key, entry.number)
    others = [one.offer.number for one in (passed.items if passed else ()) if one.offer.number]
    of_entry: dict[str, Any] = {
        "people": await people_of(call, key, [entry.number, *others], shown_in="entry"),
        "passed": passed,
        "asked": call.query_params,
        "entry": entry,
        "changes": found.items,
        "actors": await actor_names(call.pool, call.organization_id, (one.actor for one in found.items)),
        "checkout": next(
            (one for one in found.items if one.verb == "checkout" and since and one.at >= since), None
        ),
        "failed": next((one for one in found.items if one.verb == "fail_address"), None),
        "emails": await notices.emails_of_entry(call.pool, key, entry.number, limit=_EMAILS),
        "once": secrets.token_urlsafe(16),
        "link": link,
        "done": call.query_params.get("done"),
    }
    return dashboard_page(call, "dashboard_entry.html", **shown, **of_entry)


async def _passed(call: PageRequest, key: ListKey, number: int) -> PassedPage | None:
    """Return offers to fans behind an entry, if the query asks for them: the newest, or those before a change."""
    asked = call.query_params
    if "passed" not in asked:
        return None
    before = asked.get("before", "")
    return await why_passed(
        call.pool,
        key,
        organization_id=call.organization_id,
        number=number,
        limit=_PASSED_OFFERS,
        before=int(before) if _SEQUENCE.fullmatch(before) else None,
    )


async def _contact_page(
    call: PageRequest,
    *,
    errors: dict[str, str] | None = None,
    refusal: Problem | None = None,
    status: int = 422,
) -> Response:
    key, user_id = path_key(call), path_id(call, "user_id")
    shown = await list_facts(call, key)
    entry = await call.reads.entry(key, user_id, organization_id=call.organization_id)
    people = await people_of(call, key, [entry.number], shown_in="contact")
    known = people.get(entry.number)
    kept = {name: getattr(known, name) or "" for name in _CONTACT} if known else {}
    return dashboard_page(
        call,
        "dashboard_contact.html",
        status=status if errors or refusal else 200,
        **shown,
        entry=entry,
        people=people,
        sees_people=sees_people(call),
        form=getattr(call, "sent", kept | ({"email_verified": "on"} if known and known.email_verified else {})),
        errors=errors or {},
        refusal=refusal,
    )
