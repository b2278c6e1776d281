"""What an organizer changes on the dashboard. Each change takes two steps: its exact effect, then the doing.

The first shows what the verb would do, which is done under the list's lock and undone (Engine.preview). The second
sends the same again, under an Idempotency-Key that the first has made: however often it is pressed, it is done
once.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response
from pydantic import TypeAdapter, ValidationError

from waiting_list import lookalikes, promotion, reading, stock, verbs
from waiting_list import page_addresses as to
from waiting_list.calls import is_id, path_key
from waiting_list.dashboard import DashboardRoute, dashboard_page
from waiting_list.dashboard_router import list_facts, moment
from waiting_list.engine import Caller, Engine, Verb
from waiting_list.fields import Title
from waiting_list.idempotency import Idempotency
from waiting_list.keys import Scope
from waiting_list.list_settings import FORM, SETTINGS, HoldStep, ListSettings, SettingsChange
from waiting_list.lookalikes import AT_MOST
from waiting_list.models import Answer, ListKey
from waiting_list.pages import PageCall, go_to, whole_number
from waiting_list.problems import InvalidRequest, InventoryNotFound, NotInList, Problem
from waiting_list.setting import DeclaredSetting, Kind


class ChangeRoute(DashboardRoute):
    """What changes one list."""

    def needed(self, call: PageCall) -> Scope:
        return Scope.STOCK if call.sent.get("do") in _STOCK else Scope.ENTRIES


router = APIRouter(route_class=ChangeRoute, include_in_schema=False)
_REASON: TypeAdapter[str] = TypeAdapter(Title)
_STEPS = 4
"""Rows of `hold_steps` that the form has at least."""
_STOCK = ("add_stock", "remove_stock", "add_total_stock", "remove_total_stock", "promote")
_KEPT = ("form_token", "once", "do")

Form = Mapping[str, str]
Action = Callable[[Engine, ListKey, Caller, Form], Awaitable[Answer]]


def _stock(verb: Verb, field: str = "quantity") -> Action:
    return lambda engine, key, caller, form: engine.run(key, caller, verb, **{field: whole_number(form, field)})


async def _remove_stock(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    revoke = "revoke_holds" in form
    return await engine.run(
        key, caller, stock.remove_stock, quantity=whole_number(form, "quantity"), revoke_holds=revoke
    )


async def _move(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    to: str | None = form.get("to")
    before: str | None = form.get("before", "").strip()
    if to not in ("first", "last", "before"):
        raise InvalidRequest.of("to", "must be first, last or before")
    if to == "before" and (not is_id(before or "") or before == form.get("user_id")):
        raise InvalidRequest.of("before", "must be the id of another user")
    text = form.get("reason", "").strip()
    try:
        reason = _REASON.validate_python(text) if text else None
    except ValidationError as error:
        raise InvalidRequest.of("reason", "must have 500 characters at most, on one line") from error
    to, before = (None, before) if to == "before" else (to, None)
    return await engine.run(key, caller, verbs.move, user_id=_user(form), to=to, before=before, reason=reason)


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
    return await engine.run(key, caller, lookalikes.remove_lookalikes, numbers=sorted(numbers), reason=reason)


async def _restore(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    return await engine.run(key, caller, lookalikes.restore, undo=form.get("undo", ""))


async def _buy(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    return await engine.run(key, caller, verbs.buy, user_id=_user(form), quantity=whole_number(form, "quantity"))


async def _configure(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    try:
        settings = SettingsChange.model_validate_json(form.get("settings", ""))
    except ValidationError as error:
        raise InvalidRequest.of("settings", "are not valid settings") from error
    return await engine.run(key, caller, stock.configure, settings=settings)


ACTIONS: dict[str, Action] = {
    "add_stock": _stock(stock.add_stock),
    "remove_stock": _remove_stock,
    "add_total_stock": _stock(stock.add_total_stock),
    "remove_total_stock": _stock(stock.remove_total_stock),
    "promote": _stock(promotion.promote, "tickets"),
    "move": _move,
    "remove": _remove,
    "remove_lookalikes": _remove_lookalikes,
    "restore": _restore,
    "buy": _buy,
    "configure": _configure,
}
"""What can be done, by its verb."""


@router.post(to.DASHBOARD_CONFIRM)
async def confirm(call: PageCall) -> Response:
    """Shows what would happen; nothing does."""
    key, form = path_key(call), call.sent
    action, shown = _action(form), await list_facts(call, key)
    refusal, answer, changes = None, None, {}
    try:
        if form["do"] == "configure":
            kept = await reading.list_settings(call.pool, key, organization_id=call.organization_id)
            wanted = settings_of(form, shown["timezone"])
            changes = _changes(wanted, kept)
            form = {"do": "configure", "settings": wanted.model_dump_json(include={*changes})}
        answer = await action(call.engine.preview, key, call.caller, form)
    except InventoryNotFound:
        raise
    except Problem as problem:
        refusal = problem
        if form["do"] == "configure":
            return await _settings_page(call, key, shown, call.sent, problem)
    return dashboard_page(
        call,
        "dashboard_confirm.html",
        status=refusal.status if refusal else 200,
        **shown,
        do=form["do"],
        form={name: value for name, value in form.items() if name not in _KEPT},
        answer=answer,
        changes=changes,
        entry=await _entry_before(call, key, form),
        refusal=refusal,
        once=secrets.token_urlsafe(16),
    )


@router.post(to.DASHBOARD_DO)
async def do(call: PageCall) -> Response:
    """Does it."""
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
    if answer.several is None:
        return go_to(f"{to.of_list(to.DASHBOARD_LIST, key)}?done={form['do']}")
    undo = f"&undo={answer.several.undo}" if answer.several.undo else ""
    return go_to(f"{to.of_list(to.DASHBOARD_LOOKALIKES, key)}?done={form['do']}{undo}")


@router.get(to.DASHBOARD_SETTINGS)
async def show_settings(call: PageCall) -> Response:
    """The rules of a list, to be changed."""
    key = path_key(call)
    return await _settings_page(call, key, await list_facts(call, key))


def settings_of(form: Form, timezone: str) -> SettingsChange:
    """The settings that a form names: all of them, as they are all on it. Raises InvalidRequest, with all that is
    wrong by the names of the form's fields."""
    wrong: dict[str, str] = {}

    def number(field: str) -> int | None:
        return _read(wrong, field, whole_number, form, field) if form.get(field, "").strip() else None

    def value(one: DeclaredSetting) -> Any:
        match one.kind:
            case Kind.CHECK:
                return one.name in form
            case Kind.NUMBER:
                return number(one.name)
            case Kind.CHOICE:
                return form.get(one.name)
            case Kind.INSTANT:
                return _read(wrong, one.name, moment, form, one.name, timezone)
            case Kind.STEPS:
                return [{name: number(f"{name}_{row}") for name in HoldStep.model_fields} for row in rows]
            case Kind.TIME_OF_DAY | Kind.ADDRESS | Kind.TEXT:
                return form.get(one.name, "").strip() or None
            case _:
                assert_never(one.kind)

    rows = [row for row in range(1, 21) if form.get(f"days_before_{row}") or form.get(f"hold_minutes_{row}")]
    try:
        settings = SettingsChange.model_validate({one.name: value(one) for one in SETTINGS.values()})
    except ValidationError as error:
        for one in error.errors(include_url=False, include_context=False, include_input=False):
            match one["loc"]:
                case ("hold_steps", int(place), name):
                    field = f"{name}_{rows[place]}"
                case (name, *_):
                    field = str(name)
                case _:
                    field = "hold_steps"
            wrong.setdefault(field, one["msg"])
    if wrong:
        errors = [{"field": field, "message": message} for field, message in wrong.items()]
        raise InvalidRequest("Some settings are not valid: see the fields marked below.", errors=errors)
    return settings


def _read(wrong: dict[str, str], field: str, read: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return read(*arguments)
    except InvalidRequest as problem:
        wrong[field] = problem.extra["errors"][0]["message"]
        return None


def _changes(wanted: SettingsChange, kept: ListSettings) -> dict[str, tuple[Any, Any]]:
    """What is to be another than it is, and both: what is as it was is not set again. A list that has yet to open
    by itself would else be closed by hand. Raises InvalidRequest if that is nothing."""
    both = {name: (getattr(kept, name), getattr(wanted, name)) for name in SettingsChange.model_fields}
    changes = {name: (before, after) for name, (before, after) in both.items() if before != after}
    for name, one in SETTINGS.items():
        followed = one.setting.follows
        if followed in changes and getattr(wanted, name) != getattr(wanted, followed):
            # Where it was never set it would follow the other: it is to be what the form says.
            changes[name] = both[name]
    if not changes:
        raise InvalidRequest("You have not changed anything.", errors=[])
    return changes


async def _settings_page(
    call: PageCall,
    key: ListKey,
    shown: Mapping[str, Any],
    form: Form | None = None,
    refusal: Problem | None = None,
) -> Response:
    kept = await reading.list_settings(call.pool, key, organization_id=call.organization_id)
    errors = {one["field"]: one["message"] for one in refusal.extra.get("errors", ())} if refusal else {}
    return dashboard_page(
        call,
        "dashboard_settings.html",
        status=refusal.status if refusal else 200,
        **shown,
        groups=FORM,
        form=form if form is not None else _as_form(kept.model_dump(mode="json"), shown["rules"].closes_at, shown),
        steps=max(_STEPS, len(kept.hold_steps) + 1),
        refusal=refusal,
        errors=errors,
    )


def _as_form(kept: Mapping[str, Any], closes_at: Any, shown: Mapping[str, Any]) -> dict[str, str]:
    """The settings as their form sends them."""
    form = {
        name: str(value)
        for name, value in kept.items()
        if value is not None and not isinstance(value, bool | list)
    }
    form |= {name: "on" for name, value in kept.items() if value is True}
    for row, step in enumerate(kept["hold_steps"], 1):
        form |= {f"days_before_{row}": str(step["days_before"]), f"hold_minutes_{row}": str(step["hold_minutes"])}
    if closes_at is not None:
        local = closes_at.astimezone(ZoneInfo(shown["timezone"]))
        form["closes_at"] = local.replace(tzinfo=None).isoformat(timespec="minutes")
    return form


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


async def _entry_before(call: PageCall, key: ListKey, form: Form) -> Any:
    if not is_id(form.get("user_id", "")):
        return None
    try:
        return await call.reads.entry(key, form["user_id"], organization_id=call.organization_id)
    except NotInList:
        return None
