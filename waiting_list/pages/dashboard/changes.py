"""Change a list on the dashboard in two steps: preview the exact effect, then confirm.

The first step runs the verb under the list's lock and rolls it back (`Engine.preview`). The second step runs the
verb with an Idempotency-Key that the first step made, so that pressing the button twice acts once.
"""

import json
import secrets
from typing import Any, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Response
from starlette.datastructures import QueryParams

from waiting_list import page_addresses as to
from waiting_list.access.authentication import Organizer
from waiting_list.access.scopes import Scope
from waiting_list.lists.engine import Caller
from waiting_list.lists.idempotency import Idempotency
from waiting_list.lists.models import Answer, Entry, ListKey, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.people import People
from waiting_list.lists.queries.people_search import Found
from waiting_list.lists.verbs.lookalikes import AT_MOST
from waiting_list.pages.dashboard.actions import ACTIONS, BESIDE, OF_STOCK, Action, chosen, randomness_of
from waiting_list.pages.dashboard.list_settings import (
    changed_settings,
    read_settings,
    render_settings,
    rules_after,
)
from waiting_list.pages.dashboard.lists import entry_filter
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, list_facts
from waiting_list.pages.dashboard.people import people_of, search_people
from waiting_list.pages.dashboard.presets import PRESETS
from waiting_list.pages.forms import Form, moment
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import InvalidRequest, InventoryNotFound, NotInList, Problem, WouldEndList
from waiting_list.web.parameters import is_id, path_key


class ChangeRoute(DashboardRoute):
    """A form that changes one list."""

    def required_scope(self, call: PageRequest) -> Scope:
        if call.sent.get("do") in OF_STOCK:
            return Scope.STOCK
        if "add_stock" in call.sent:
            cast(Organizer, call.who).demand(Scope.STOCK)
        return Scope.ENTRIES


router = APIRouter(route_class=ChangeRoute, include_in_schema=False)
_NAMED = 20
"""How many fans of one kind a preview names."""
_KEPT = ("form_token", "once", "do")


@router.post(to.DASHBOARD_CONFIRM)
async def confirm(call: PageRequest) -> Response:
    """Preview an action, and ask the organizer to confirm it."""
    key, form = path_key(call), await _with_all(call)
    if form.get("do") == "message":
        numbers = ",".join(map(str, chosen(form)))
        return go_to(f"{to.of_list(to.DASHBOARD_MESSAGE, key)}?{urlencode({'numbers': numbers})}")
    action, shown = _action(form), await list_facts(call, key)
    if form["do"] == "move" and form.get("to") in BESIDE and not form.get(form["to"], "").strip():
        found = await search_people(call, form.get("whom", "").strip(), key) if form.get("whom") else None
        fans = [one for one in found.items if _can_stand_beside(one, form)] if found else []
        if len(fans) != 1:
            return await _choose(call, key, shown, fans, searched=found is not None)
        form = {**form, form["to"]: fans[0].entry.user_id or ""}
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
        if form["do"] == "draw":
            # Whoever could see beforehand who gets tickets could try one value after the other.
            form, answer = (
                {**form, "randomness": randomness_of(form)},
                Answer(entry=None, inventory=None, settings=None),
            )
        else:
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
        beside=await _beside(call, key, form),
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
    if form["do"] in ("remove_lookalikes", "restore"):
        undo = f"&undo={answer.several.undo}" if answer.several and answer.several.undo else ""
        return go_to(f"{to.of_list(to.DASHBOARD_LOOKALIKES, key)}?done={form['do']}{undo}")
    return go_to(f"{to.of_list(to.DASHBOARD_LIST, key)}?{urlencode(_done(form, answer))}")


async def _with_all(call: PageRequest) -> Form:
    """Return a form that ticks all fans of the list who match its filter, if it asks for that.

    So a preview shows exactly these fans, and what is confirmed is done to them alone. Raises InvalidRequest if
    nobody matches, or more than one change may concern.
    """
    form = call.sent
    if "all" not in form:
        return form
    key, shown = path_key(call), await list_facts(call, path_key(call))
    kept = {name: value for name, value in form.items() if name != "all" and name[:2] not in ("n_", "f_")}
    asked = QueryParams({name[2:]: value for name, value in form.items() if name.startswith("f_")})
    only = entry_filter(asked, key, shown["timezone"])
    found = await entry_queries.entries(call.pool, call.organization_id, only, limit=AT_MOST, cursor=None)
    if found.next_cursor is not None:
        raise InvalidRequest.of("all", f"must match at most {AT_MOST} fans")
    return kept | {f"n_{one.number}": "on" for one in found.items if one.user_id is not None}


def _done(form: Form, answer: Answer) -> dict[str, str]:
    """Return what the list's page says of a change: how much, how many fans can buy now, and how to undo it."""
    several = len(answer.several.numbers) if answer.several else None
    facts = {
        "done": form["do"],
        "n": form.get("quantity") or form.get("tickets") or several,
        "ready": len(answer.promoted) or None,
        "undo": answer.undo,
    }
    return {name: str(value) for name, value in facts.items() if value is not None}


def _can_stand_beside(one: Found, form: Form) -> bool:
    entry = one.entry
    return entry.status is Status.WAITING and entry.user_id not in (None, form.get("user_id"))


async def _choose(
    call: PageRequest, key: ListKey, shown: dict[str, Any], fans: list[Found], *, searched: bool
) -> Response:
    """Ask which fan was meant: those that match, or another search."""
    entry = await _entry_before(call, key, call.sent)
    return dashboard_page(
        call,
        "dashboard_choose.html",
        status=200 if fans else 422,
        **shown,
        form={name: value for name, value in call.sent.items() if name not in ("form_token", "whom", *BESIDE)},
        whom=call.sent.get("whom", ""),
        fans=fans,
        searched=searched,
        entry=entry,
        people=await people_of(call, key, {entry.number} if entry else set(), shown_in="preview"),
    )


async def _beside(call: PageRequest, key: ListKey, form: Form) -> str | None:
    """Return what to call the fan beside whom another one goes."""
    user_id = form.get(form.get("to", ""), "") if form.get("to") in BESIDE else ""
    if not is_id(user_id):
        return None
    return (await people_of(call, key, (), [user_id], shown_in="preview")).title(None, user_id)


def _action(form: Form) -> Action:
    action = ACTIONS.get(form.get("do", ""))
    if action is None:
        raise InvalidRequest.of("do", "unknown action")
    return action


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
