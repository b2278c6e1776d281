"""The actions of the dashboard's forms on one list: each reads its form and runs a verb."""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from waiting_list.fields import Title
from waiting_list.lists import verbs
from waiting_list.lists.engine import Caller, Engine, Verb
from waiting_list.lists.models import Answer, ListKey
from waiting_list.lists.settings_models import SettingsChange
from waiting_list.lists.verbs.lookalikes import AT_MOST
from waiting_list.pages.forms import Form, moment, whole_number
from waiting_list.problems import InvalidRequest, NotInList
from waiting_list.web.parameters import is_id

OF_STOCK = ("add_stock", "remove_stock", "add_total_stock", "remove_total_stock", "promote")
"""The actions that need the scope `stock`."""
BESIDE = ("before", "after")
"""The places beside another fan."""
_REASON: TypeAdapter[str] = TypeAdapter(Title)
Action = Callable[[Engine, ListKey, Caller, Form], Awaitable[Answer]]


def _stock(verb: Verb, field: str = "quantity") -> Action:
    return lambda engine, key, caller, form: engine.run(key, caller, verb, **{field: whole_number(form, field)})


async def _remove_stock(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    revoke = "revoke_holds" in form
    return await engine.run(
        key, caller, verbs.remove_stock, quantity=whole_number(form, "quantity"), revoke_holds=revoke
    )


async def _move(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    to = form.get("to", "")
    if to not in ("first", "last", *BESIDE):
        raise InvalidRequest.of("to", "must be first, last, before or after")
    other = form.get(to, "").strip()
    if to in BESIDE and (not is_id(other) or other == form.get("user_id")):
        raise InvalidRequest.of(to, "must be the id of another user")
    where = {to: other} if to in BESIDE else {"to": to}
    return await engine.run(key, caller, verbs.move, user_id=_user(form), reason=_reason(form), **where)


async def _move_several(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    return await engine.run(
        key, caller, verbs.move_several, numbers=chosen(form), to=form.get("to", ""), reason=_reason(form)
    )


async def _remove_several(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    return await engine.run(key, caller, verbs.remove_lookalikes, numbers=chosen(form), reason=_reason(form))


async def _extend_several(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    return await engine.run(
        key, caller, verbs.extend_all, until=_until(form), reason=_reason(form), numbers=chosen(form)
    )


async def _take_back(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    return await engine.run(key, caller, verbs.take_back, undo=form.get("undo", ""))


def chosen(form: Form) -> list[int]:
    """Return the numbers of the entries whose rows are ticked. Raises InvalidRequest unless they are 1 to 500."""
    numbers = {int(name[2:]) for name in form if re.fullmatch(r"n_[0-9]{1,18}", name)}
    if not 1 <= len(numbers) <= AT_MOST:
        raise InvalidRequest.of("numbers", f"must be 1 to {AT_MOST} numbers")
    return sorted(numbers)


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


async def _pause(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    return await engine.run(key, caller, verbs.pause, user_id=_user(form), reason=_reason(form))


async def _unpause(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    return await engine.run(key, caller, verbs.unpause, user_id=_user(form), reason=_reason(form))


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


def randomness_of(form: Form) -> str:
    """Return the public value that decides the lots, as it was typed. Raises InvalidRequest if it is empty."""
    value = form.get("randomness", "").strip()
    if not value:
        raise InvalidRequest.of("randomness", "must not be empty")
    return value


async def _draw(engine: Engine, key: ListKey, caller: Caller, form: Form) -> Answer:
    return await engine.run(key, caller, verbs.draw, randomness=randomness_of(form))


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
    "move_several": _move_several,
    "remove": _remove,
    "remove_several": _remove_several,
    "remove_lookalikes": _remove_lookalikes,
    "restore": _restore,
    "take_back": _take_back,
    "buy": _buy,
    "give_back": _give_back,
    "change": _change,
    "extend": _extend,
    "extend_all": _extend_all,
    "extend_several": _extend_several,
    "grant": _grant,
    "pause": _pause,
    "unpause": _unpause,
    "draw": _draw,
    "configure": _configure,
}
"""The actions of the forms, by their verb."""


def _user(form: Form) -> str:
    user_id = form.get("user_id", "")
    if not is_id(user_id):
        raise NotInList("This fan is not on this list.")
    return user_id
