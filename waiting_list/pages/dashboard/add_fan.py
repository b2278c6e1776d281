"""The dashboard page to add a fan by hand, such as a caller on the phone: first a preview, then the place."""

import secrets
from typing import Any

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.access.email_sign_in import fan_id
from waiting_list.access.scopes import Scope
from waiting_list.lists import verbs
from waiting_list.lists.contact import Contact
from waiting_list.lists.engine import Caller, Engine
from waiting_list.lists.models import Answer, ListKey, Status
from waiting_list.pages.dashboard.entry import read_contact
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, idempotency_of, list_facts
from waiting_list.pages.dashboard.people import search_people
from waiting_list.pages.forms import whole_number
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import AddressTaken, EmailRequired, InvalidRequest, Problem, TooManyTickets
from waiting_list.web.parameters import is_id, path_key


class AddRoute(DashboardRoute):
    """The page to add a fan."""

    def required_scope(self, call: PageRequest) -> Scope:  # noqa: ARG002 - the same for all forms
        return Scope.ENTRIES


router = APIRouter(route_class=AddRoute, include_in_schema=False)
_OF_FIELD = {AddressTaken: "email", EmailRequired: "email", TooManyTickets: "tickets_wanted"}
"""The field of the form that a refusal is about."""


@router.get(to.DASHBOARD_ADD)
async def ask_for_fan(call: PageRequest) -> Response:
    """Show the form to add a fan."""
    return _page(call, await list_facts(call, path_key(call)))


@router.post(to.DASHBOARD_ADD)
async def add_fan(call: PageRequest) -> Response:
    """Preview the place of a fan, or add the fan, once.

    The user id is that of the shop, if the form has one. Else it is the id with which the fan signs in by
    e-mail, so that the fan finds the place. Without an address it is random.
    """
    key, form = path_key(call), call.sent
    shown = await list_facts(call, key)
    contact, errors = read_contact(call)
    wish, wrong = _wish(call)
    errors |= wrong
    user_id = await _user_id(call, contact)
    if not is_id(user_id):
        errors["user_id"] = "invalid"
    if errors or contact is None:
        return _page(call, shown, errors=errors)
    caller = Caller(call.organization_id, call.caller.actor, idempotency_of(call))
    is_sent = "once" in form
    try:
        answer = await _join(call.engine if is_sent else call.engine.preview, key, caller, user_id, contact, wish)
    except tuple(_OF_FIELD) as problem:
        return _page(call, shown, errors={_OF_FIELD[type(problem)]: problem.code}, problem=problem)
    except InvalidRequest as problem:
        return _page(call, shown, errors={one["field"]: "invalid" for one in problem.extra["errors"]})
    except Problem as problem:
        return _page(call, shown, refusal=problem)
    if is_sent:
        return go_to(f"{to.of_list(to.DASHBOARD_ENTRY, key, user_id=user_id)}?done=join")
    return _page(
        call,
        shown,
        preview=answer,
        user_id=user_id,
        same=await _with_same_address(call, key, contact),
        once=secrets.token_urlsafe(16),
    )


async def _join(
    engine: Engine, key: ListKey, caller: Caller, user_id: str, contact: Contact, wish: dict[str, Any]
) -> Answer:
    return await engine.run(key, caller, verbs.join, user_id=user_id, contact=contact, **wish)


def _wish(call: PageRequest) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the arguments of the join, or the names of the wrong fields."""
    wish: dict[str, Any] = {"keep_waiting_for_rest": "keep_waiting_for_rest" in call.sent}
    errors = {}
    for name in ("tickets_wanted", "tickets_minimum"):
        if name == "tickets_wanted" or call.sent.get(name, "").strip():
            try:
                wish[name] = whole_number(call.sent, name)
            except InvalidRequest:
                errors[name] = "invalid"
    return wish, errors


async def _user_id(call: PageRequest, contact: Contact | None) -> str:
    if given := call.sent.get("user_id", "").strip():
        return given
    if contact is not None and contact.email is not None:
        return fan_id(await call.service.signing_keys.derived_secret(), call.organization_id, contact.email)
    return f"guest_{secrets.token_urlsafe(15)}"


async def _with_same_address(call: PageRequest, key: ListKey, contact: Contact) -> list[Any]:
    """Return the active entries of the list that have the same address under another user id."""
    if contact.email is None:
        return []
    found = await search_people(call, contact.email, key)
    wanted = contact.email.lower()
    return [
        one
        for one in found.items
        if one.entry.status is not Status.LEFT
        and one.person
        and one.person.email
        and one.person.email.lower() == wanted
    ]


def _page(
    call: PageRequest,
    about: dict[str, Any],
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    refusal: Problem | None = None,
    **more: Any,
) -> Response:
    """Render the form as it was sent; `problem` is about one of the fields in `errors`."""
    refused = refusal or problem
    return dashboard_page(
        call,
        "dashboard_add.html",
        status=refused.status if refused else 422 if errors else 200,
        **about,
        form=getattr(call, "sent", {}),
        errors=errors or {},
        maximum=problem.extra.get("maximum") if problem else None,
        refusal=refusal,
        do="join",
        **{"preview": None} | more,
    )
