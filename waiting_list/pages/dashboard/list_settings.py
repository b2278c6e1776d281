"""The dashboard page of a list's settings: show and read the form."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list.lists.list_settings import FORM, SETTINGS
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.models import WaitingList
from waiting_list.lists.setting import DeclaredSetting, Kind
from waiting_list.lists.settings_models import ListSettings, SettingsChange
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, list_facts
from waiting_list.pages.dashboard.presets import PRESETS
from waiting_list.pages.forms import Form, in_units, moment, units_of, whole_duration, whole_number
from waiting_list.pages.page import PageRequest
from waiting_list.problems import InvalidRequest, Problem
from waiting_list.web.parameters import path_key

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)
_STEPS = 4
"""The fewest rows for `hold_steps` in the form."""


@router.get(to.DASHBOARD_SETTINGS)
async def show_settings(call: PageRequest) -> Response:
    """Show the settings of a list in a form."""
    key = path_key(call)
    return await render_settings(call, key, await list_facts(call, key))


def read_settings(form: Form, timezone: str) -> SettingsChange:
    """Read all settings from their form.

    Raises InvalidRequest with every error, by the names of the form's fields.
    """
    wrong: dict[str, str] = {}

    def number(field: str, read: Callable[[Form, str], int] = whole_number) -> int | None:
        return _read(wrong, field, read, form, field) if form.get(field, "").strip() else None

    def value(one: DeclaredSetting) -> Any:
        match one.kind:
            case Kind.CHECK:
                return one.name in form
            case Kind.NUMBER | Kind.DURATION:
                return number(one.name, whole_duration if one.kind is Kind.DURATION else whole_number)
            case Kind.CHOICE:
                return form.get(one.name)
            case Kind.INSTANT:
                return _read(wrong, one.name, moment, form, one.name, timezone)
            case Kind.STEPS:
                reads = {"days_before": whole_number, "hold_minutes": whole_duration}
                return [{name: number(f"{name}_{row}", read) for name, read in reads.items()} for row in rows]
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


def changed_settings(wanted: SettingsChange, kept: ListSettings) -> dict[str, tuple[Any, Any]]:
    """Return the settings that the form changes, each with its old and new value.

    The other settings must not be set again: that would close by hand a list that opens by itself later. Raises
    InvalidRequest if the form changes no setting.
    """
    both = {name: (getattr(kept, name), getattr(wanted, name)) for name in SettingsChange.model_fields}
    changes = {name: (before, after) for name, (before, after) in both.items() if not _is_same(before, after)}
    for name, one in SETTINGS.items():
        followed = one.setting.follows
        if followed in changes and getattr(wanted, name) != getattr(wanted, followed):
            # A setting that was never set would follow the other one, so set it to the value in the form.
            changes[name] = both[name]
        # What another setting implies is not set by itself, and stays as the form says once that one is off.
        if (implied_by := one.setting.implied_by) and getattr(wanted, implied_by):
            changes.pop(name, None)
        elif implied_by in changes and getattr(wanted, name):
            changes[name] = both[name]
    if not changes:
        raise InvalidRequest("You have not changed anything.", errors=[])
    return changes


def _is_same(before: Any, after: Any) -> bool:
    """Whether a setting stays: the form has an instant without its seconds."""
    if isinstance(before, datetime) and isinstance(after, datetime):
        return after in (before, before.replace(second=0, microsecond=0))
    return bool(before == after)


def rules_after(rules: WaitingList, wanted: ListSettings, starts_at: datetime) -> WaitingList:
    """Return the rules of a list as fans read them once it has these settings."""
    ends_at = min(wanted.closes_at or starts_at, starts_at)
    shown = {
        name: getattr(wanted, name) for name in SETTINGS if name in WaitingList.model_fields and name != "open"
    }
    return rules.model_copy(update=shown | {"ends_at": ends_at})


async def render_settings(
    call: PageRequest,
    key: ListKey,
    shown: Mapping[str, Any],
    form: Form | None = None,
    refusal: Problem | None = None,
) -> Response:
    """Render the form: with the stored settings, or as it was sent, with the errors of its refusal."""
    kept = await list_queries.list_settings(call.pool, key, organization_id=call.organization_id)
    errors = {one["field"]: one["message"] for one in refusal.extra.get("errors", ())} if refusal else {}
    if form is None:
        form = _as_form(kept, shown)
    steps = max(_STEPS, len(kept.hold_steps) + 1)
    filled = [
        row for row in range(1, steps + 1) if form.get(f"days_before_{row}") or form.get(f"hold_minutes_{row}")
    ]
    return dashboard_page(
        call,
        "dashboard_settings.html",
        status=refusal.status if refusal else 200,
        **shown,
        groups=FORM,
        units_of=units_of,
        presets={name: (preset, preset.is_in(kept)) for name, preset in PRESETS.items()},
        form=form,
        steps=steps,
        first_rows=max(filled, default=0) + 1,
        refusal=refusal,
        errors=errors,
    )


def _as_form(settings: ListSettings, shown: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings as the form sends them."""
    kept = settings.model_dump(mode="json")
    form = {
        name: str(value)
        for name, value in kept.items()
        if value is not None and not isinstance(value, bool | list)
    }
    form |= {name: "on" for name, value in kept.items() if value is True}
    for row, step in enumerate(kept["hold_steps"], 1):
        form |= {f"days_before_{row}": str(step["days_before"])} | in_units(
            f"hold_minutes_{row}", step["hold_minutes"]
        )
    for name, one in SETTINGS.items():
        if one.kind is Kind.DURATION and kept[name] is not None:
            form |= in_units(name, kept[name])
    for name, one in SETTINGS.items():
        if one.kind is Kind.INSTANT and (instant := getattr(settings, name)) is not None:
            local = instant.astimezone(ZoneInfo(shown["timezone"]))
            form[name] = local.replace(tzinfo=None).isoformat(timespec="minutes")
    return form
