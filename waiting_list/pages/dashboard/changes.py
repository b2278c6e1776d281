"""Change a list on the dashboard in two steps: preview the exact effect, then confirm.

The first step runs the verb under the list's lock and rolls it back (`Engine.preview`). The second step runs the
verb with an Idempotency-Key that the first step made, so that pressing the button twice acts once.
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import cast

from fastapi import APIRouter, Response
from pydantic import TypeAdapter, ValidationError

from waiting_list import page_addresses as to
from waiting_list.access.authentication import Organizer
from waiting_list.access.scopes import Scope
from waiting_list.fields import Title
from waiting_list.lists import verbs
from waiting_list.lists.engine import Caller, Engine, Verb
from waiting_list.lists.idempotency import Idempotency
from waiting_list.lists.models import Answer, Entry, ListKey
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.people import People
from waiting_list.lists.settings_models import SettingsChange
from waiting_list.lists.verbs.lookalikes import AT_MOST
from waiting_list.pages.dashboard.list_settings import (
    changed_settings,
    read_settings,
    render_settings,
    rules_after,
)
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, list_facts
from waiting_list.pages.dashboard.people import people_of
from waiting_list.pages.dashboard.presets import PRESETS
from waiting_list.pages.forms import Form, moment, whole_number
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import InvalidRequest, InventoryNotFound, NotInList, Problem, WouldEndList
from waiting_list.web.parameters import is_id, path_key


class ChangeRoute(DashboardRoute):
    """A form that changes one list."""

    def required_scope(self, call: PageRequest) -> Scope:
        if call.sent.get("do") in _STOCK:
            return Scope.STOCK
        if "add_stock" in call.sent:
            cast(Organizer, call.who).demand(Scope.STOCK)
        return Scope.ENTRIES


router = APIRouter(route_class=ChangeRoute, include_in_schema=False)
_REASON: TypeAdapter[str] = TypeAdapter(Title)
_STOCK = ("add_stock", "remove_stock", "add_total_stock", "remove_total_stock", "promote")
_NAMED = 20
"""How many fans of one kind a preview names."""
_KEPT = ("form_token", "once", "do")
Action = Callable[[Engine, ListKey, Caller, Form], Awaitable[Answer]]


def _stock(verb: Verb, field: str = "quantity") -> Action:
    return lambda engine, key, caller, form: engine.run(key, caller, verb, **{field: whole_number(form, field)})


async def _remove_stock(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    revoke = "revoke_holds" in form
    return await engine.run(
        key, caller, verbs.remove_stock, quantity=whole_number(form, "quantity"), revoke_holds=revoke
    )


async def _move(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    to: str | None = form.get("to")
    before: str | None = form.get("before", "").strip()
    if to not in ("first", "last", "before"):
        raise InvalidRequest.of("to", "must be first, last or before")
    if to == "before" and (not is_id(before or "") or before == form.get("user_id")):
        raise InvalidRequest.of("before", "must be the id of another user")
    reason = _reason(form)
    to, before = (None, before) if to == "before" else (to, None)
    return await engine.run(key, caller, verbs.move, user_id=_user(form), to=to, before=before, reason=reason)


def _reason(form: Form) -> str | None:
    text = form.get("reason", "").strip()
    try:
        return _REASON.validate_python(text) if text else None
    except ValidationError as error:
        raise InvalidRequest.of("reason", "must have 500 characters at most, on one line") from error


async def _remove(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    return await engine.run(key, caller, verbs.remove, user_id=_user(form))


async def _remove_lookalikes(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    named = ",".join(value for name, value in sorted(form.items()) if name.startswith("group_")).split(",")
    numbers = {int(one) for one in named if one.isascii() and one.isdecimal() and len(one) < 19}
    if not 1 <= len(numbers) <= AT_MOST:
        raise InvalidRequest.of("numbers", f"must be 1 to {AT_MOST} numbers")
    try:
        reason = _REASON.validate_python(form.get("reason", "").strip())
    except ValidationError as error:
        raise InvalidRequest.of("reason", "must have 1 to 500 characters, on one line") from error
    return await engine.run(key, caller, verbs.remove_lookalikes, numbers=sorted(numbers), reason=reason)


async def _restore(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    return await engine.run(key, caller, verbs.restore, undo=form.get("undo", ""))


async def _buy(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    return await engine.run(key, caller, verbs.buy, user_id=_user(form), quantity=whole_number(form, "quantity"))


async def _give_back(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    quantity = whole_number(form, "quantity")
    return await engine.run(key, caller, verbs.give_back, user_id=_user(form), quantity=quantity)


async def _extend(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    return await engine.run(
        key, caller, verbs.extend, user_id=_user(form), until=_until(form), reason=_reason(form)
    )


async def _extend_all(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    return await engine.run(key, caller, verbs.extend_all, until=_until(form), reason=_reason(form))


def _until(form: Form) -> datetime:
    # `confirm` has read the field in the timezone of the event.
    until = moment(form, "until", "UTC")
    if until is None:
        raise InvalidRequest.of("until", "must be a date and a time")
    return until


async def _grant(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    return await engine.run(
        key,
        caller,
        verbs.grant,
        user_id=_user(form),
        tickets=whole_number(form, "tickets"),
        add_stock="add_stock" in form,
        reason=_reason(form),
    )


async def _change(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    wanted = whole_number(form, "tickets_wanted")
    minimum = whole_number(form, "tickets_minimum") if form.get("tickets_minimum") else wanted
    return await engine.run(
        key,
        caller,
        verbs.change,
        user_id=_user(form),
        tickets_wanted=wanted,
        tickets_minimum=minimum,
        keep_waiting_for_rest="keep_waiting_for_rest" in form,
        reason=_reason(form),
    )


async def _configure(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    try:
        settings = SettingsChange.model_validate_json(form.get("settings", ""))
    except ValidationError as error:
        raise InvalidRequest.of("settings", "are not valid settings") from error
    return await engine.run(key, caller, verbs.configure, settings=settings, end_lists="end_lists" in form)


ACTIONS: dict[str, Action] = {
    "add_stock": _stock(verbs.add_stock),
    "remove_stock": _remove_stock,
    "add_total_stock": _stock(verbs.add_total_stock),
    "remove_total_stock": _stock(verbs.remove_total_stock),
    "promote": _stock(verbs.promote, "tickets"),
    "move": _move,
    "remove": _remove,
    "remove_lookalikes": _remove_lookalikes,
    "restore": _restore,
    "buy": _buy,
    "give_back": _give_back,
    "change": _change,
    "extend": _extend,
    "extend_all": _extend_all,
    "grant": _grant,
    "configure": _configure,
}
"""The actions of the forms, by their verb."""


@router.post(to.DASHBOARD_CONFIRM)
async def confirm(call: PageRequest) -> Response:
    """Preview an action, and ask the organizer to confirm it."""
    key, form = path_key(call), call.sent
    action, shown = _action(form), await list_facts(call, key)
    refusal, answer, changes, ending, preset = None, None, {}, (), None
    try:
        if form["do"] == "configure":
            kept = await list_queries.list_settings(call.pool, key, organization_id=call.organization_id)
            preset = PRESETS.get(form.get("preset", ""))
            wanted = preset.over(kept) if preset else read_settings(form, shown["timezone"])
            changes = changed_settings(wanted, kept)
            form = {"do": "configure", "settings": wanted.model_dump_json(include={*changes})}
        if until := moment(form, "until", shown["timezone"]):
            form = {**form, "until": until.isoformat()}
        answer = await action(call.engine.preview, key, call.caller, form)
    except InventoryNotFound:
        raise
    except WouldEndList as problem:
        # The organizer may have meant it: the page shows the counts, and asks for a tick.
        ending = problem.extra["lists"]
        answer = await action(call.engine.preview, key, call.caller, {**form, "end_lists": "on"})
    except Problem as problem:
        refusal = problem
        if form["do"] == "configure":
            typed = None if "preset" in call.sent else call.sent
            return await render_settings(call, key, shown, typed, problem)
    entry = await _entry_before(call, key, form)
    return dashboard_page(
        call,
        "dashboard_confirm.html",
        status=refusal.status if refusal else 200,
        **shown,
        do=form["do"],
        form={name: value for name, value in form.items() if name not in _KEPT},
        answer=answer,
        changes=changes,
        at_most=_NAMED,
        preset=preset,
        after=rules_after(shown["rules"], answer.settings, shown["show"].start_datetime)
        if answer and answer.settings
        else None,
        ending=ending,
        entry=entry,
        people=await _people(call, key, entry, answer),
        refusal=refusal,
        once=secrets.token_urlsafe(16),
    )


@router.post(to.DASHBOARD_DO)
async def do(call: PageRequest) -> Response:
    """Run a confirmed action."""
    key, form = path_key(call), call.sent
    action, shown = _action(form), await list_facts(call, key)
    if not form.get("once"):
        raise InvalidRequest.of("once", "The confirmation has expired. Go back and confirm again.")
    sent = {name: value for name, value in sorted(form.items()) if name != "form_token"}
    caller = Caller(
        call.organization_id,
        call.caller.actor,
        Idempotency.of(
            caller=f"{call.organization_id}\x00dashboard",
            key=form.get("once", ""),
            request=f"{call.page}\x00{json.dumps(sent)}",
        ),
    )
    try:
        answer = await action(call.engine, key, caller, form)
    except InventoryNotFound:
        raise
    except Problem as problem:
        return dashboard_page(
            call,
            "dashboard_confirm.html",
            status=problem.status,
            **shown,
            do=form["do"],
            form={},
            answer=None,
            entry=await _entry_before(call, key, form),
            refusal=problem,
            once="",
        )
    if answer.several is None or form["do"] == "extend_all":
        return go_to(f"{to.of_list(to.DASHBOARD_LIST, key)}?done={form['do']}")
    undo = f"&undo={answer.several.undo}" if answer.several.undo else ""
    return go_to(f"{to.of_list(to.DASHBOARD_LOOKALIKES, key)}?done={form['do']}{undo}")


def _action(form: Form) -> Action:
    action = ACTIONS.get(form.get("do", ""))
    if action is None:
        raise InvalidRequest.of("do", "unknown action")
    return action


def _user(form: Form) -> str:
    user_id = form.get("user_id", "")
    if not is_id(user_id):
        raise NotInList("This fan is not on this list.")
    return user_id


async def _people(call: PageRequest, key: ListKey, entry: Entry | None, answer: Answer | None) -> People:
    """Return the people whom a preview names: each kind as far as the page lists it."""
    numbers = {entry.number} if entry else set()
    if answer is None:
        return await people_of(call, key, numbers, shown_in="preview")
    numbers |= {one.number for one in answer.promoted[:_NAMED]}
    numbers |= {*answer.several.numbers[:_NAMED]} if answer.several else set()
    return await people_of(call, key, numbers, answer.revoked[:_NAMED], shown_in="preview")


async def _entry_before(call: PageRequest, key: ListKey, form: Form) -> Entry | None:
    if not is_id(form.get("user_id", "")):
        return None
    try:
        return await call.reads.entry(key, form["user_id"], organization_id=call.organization_id)
    except NotInList:
        return None
