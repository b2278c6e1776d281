"""The dashboard's pages to look at: all lists, one list and its entries, one entry, what happened, and how much.

What changes something is in dashboard_changes.py. Whatever belongs to another organization is not there.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list import reading
from waiting_list.calls import path_id, path_key
from waiting_list.dashboard import DashboardRoute, dashboard_page
from waiting_list.events import VERBS
from waiting_list.fields import INT32_MAX
from waiting_list.lookalikes import read_lookalikes
from waiting_list.models import LeftReason, ListKey, Period, Status
from waiting_list.organizer_router import entries_as_csv
from waiting_list.pages import PageCall, go_to
from waiting_list.plots import plot
from waiting_list.problems import InvalidRequest, NotFound

_LISTS = 50
_ENTRIES = 100
_CHANGES = 100
_GROUPS = 50
_CHANGES_OF_ENTRY = 30
_ACTIVE = (Status.WAITING, Status.READY)
_MOST_BARS = 400
_MOST_PERIODS = 4000
_PERIODS = ("hour", "day", "week")

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)


@router.get(to.DASHBOARD)
async def show_lists(call: PageCall) -> Response:
    """All lists: what is wanted against what there is."""
    asked = call.query_params
    events = await reading.events(call.pool, call.organization_id, event_id=None, limit=500, cursor=None)
    found = await reading.overview(
        call.pool,
        call.organization_id,
        event_id=_text(asked.get("event_id")),
        text=_text(asked.get("text")),
        wanted_only="wanted" in asked,
        past="past" in asked,
        limit=_LISTS,
        cursor=asked.get("cursor") or None,
    )
    return dashboard_page(
        call,
        "dashboard.html",
        lists=found.items,
        more=_next_page(call, found.next_cursor),
        events=events.items,
        asked=asked,
    )


@router.get(to.DASHBOARD_LIST)
async def show_list(call: PageCall) -> Response:
    """One list: its stock, who is in it, and what can be done."""
    key = path_key(call)
    shown = await list_facts(call, key)
    only = _filter(call, key, shown["timezone"])
    found = await reading.entries(
        call.pool, call.organization_id, only, limit=_ENTRIES, cursor=call.query_params.get("cursor") or None
    )
    return dashboard_page(
        call,
        "dashboard_list.html",
        **shown,
        entries=found.items,
        more=_next_page(call, found.next_cursor),
        csv=f"{to.of_list(to.DASHBOARD_CSV, key)}?{call.query_params}",
        asked=call.query_params,
        reasons=list(LeftReason),
        done=call.query_params.get("done"),
    )


@router.get(to.DASHBOARD_CSV)
async def export_entries(call: PageCall) -> Response:
    """The entries that the page of the list shows, all of them."""
    key = path_key(call)
    shown = await list_facts(call, key)
    answer = await entries_as_csv(call, _filter(call, key, shown["timezone"]))
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@router.get(to.DASHBOARD_ENTRY)
async def show_entry(call: PageCall) -> Response:
    """One fan's latest entry, what happened to it, and what can be done."""
    key, user_id = path_key(call), path_id(call, "user_id")
    shown = await list_facts(call, key)
    entry = await call.reads.entry(key, user_id, organization_id=call.organization_id)
    found = await reading.story(
        call.pool,
        key,
        organization_id=call.organization_id,
        number=entry.number,
        limit=_CHANGES_OF_ENTRY,
        cursor=None,
    )
    return dashboard_page(call, "dashboard_entry.html", **shown, entry=entry, changes=found.items)


@router.get(to.DASHBOARD_HISTORY)
async def show_history(call: PageCall) -> Response:
    """What happened, told one change after the other, the newest first unless a query says otherwise."""
    key = path_key(call)
    shown = await list_facts(call, key)
    verbs = [verb for verb in call.query_params.getlist("verb") if verb in VERBS]
    oldest_first = call.query_params.get("order") == "oldest"
    read = reading.history if oldest_first else reading.story
    found = await read(
        call.pool,
        key,
        organization_id=call.organization_id,
        verb=verbs or None,
        limit=_CHANGES,
        cursor=call.query_params.get("cursor") or None,
    )
    return dashboard_page(
        call,
        "dashboard_history.html",
        **shown,
        changes=found.items,
        more=_next_page(call, found.next_cursor),
        verbs=VERBS,
        chosen=verbs,
        oldest_first=oldest_first,
    )


@router.get(to.DASHBOARD_STATISTICS)
async def show_statistics(call: PageCall) -> Response:
    """How much happened over time, drawn and as a table."""
    key = path_key(call)
    shown = await list_facts(call, key)
    period = call.query_params.get("period", "day")
    if period not in _PERIODS:
        raise InvalidRequest.of("query.period", "must be hour, day or week")
    told = await reading.statistics(
        call.pool,
        key,
        organization_id=call.organization_id,
        period=cast(Literal["hour", "day", "week"], period),
    )
    columns = ("joins", "promotions", "purchases", "expiries", "departures", "tickets_waiting")
    periods = _without_gaps(told.periods, period, ZoneInfo(shown["timezone"]))[-_MOST_BARS:]
    plots = {name: plot([getattr(one, name) for one in periods]) for name in columns}
    return dashboard_page(
        call,
        "dashboard_statistics.html",
        **shown,
        told=told,
        drawn=periods,
        plots=plots,
        period=period,
        periods=_PERIODS,
    )


@router.get(to.DASHBOARD_LOOKALIKES)
async def show_lookalikes(call: PageCall) -> Response:
    """Entries that look like one person, to be removed together."""
    key = path_key(call)
    shown = await list_facts(call, key)
    asked = call.query_params
    found = await read_lookalikes(call.pool, key, limit=_GROUPS, cursor=asked.get("cursor") or None)
    return dashboard_page(
        call,
        "dashboard_lookalikes.html",
        **shown,
        groups=found.items,
        more=_next_page(call, found.next_cursor),
        done=asked.get("done"),
        undo=_text(asked.get("undo")),
    )


@router.get(to.DASHBOARD_LIST + to.ANYTHING_ELSE)
async def show_list_again(call: PageCall) -> Response:
    """For who reloads what a form has answered."""
    key = path_key(call)
    await list_facts(call, key)
    return go_to(to.of_list(to.DASHBOARD_LIST, key))


@router.get(to.DASHBOARD + to.ANYTHING_ELSE)
async def show_nothing(call: PageCall) -> Response:  # noqa: ARG001 - as every page
    """For who follows an address that no page has: that is said on a page, too."""
    raise NotFound("This page does not exist.")


def _without_gaps(periods: Sequence[Period], period: str, zone: ZoneInfo) -> list[Period]:
    """With those in which nothing happened, but that as many waited as before: a plot has time from left to
    right."""
    found: list[Period] = []
    for one in periods:
        while found and (following := _following(found[-1].period_at, period, zone)) < one.period_at:
            quiet = dict.fromkeys(Period.model_fields, 0) | {"tickets_waiting": found[-1].tickets_waiting}
            found.append(Period(**quiet | {"period_at": following}))
            if len(found) > _MOST_PERIODS:
                del found[:_MOST_BARS]
        found.append(one)
    return found


def _following(at: datetime, period: str, zone: ZoneInfo) -> datetime:
    if period == "hour":
        return at + timedelta(hours=1)
    # By the calendar of the event: a day may have 23 hours, or 25.
    local = at.astimezone(zone) + timedelta(days=7 if period == "week" else 1)
    return local.replace(hour=0).astimezone(UTC)


async def list_facts(call: PageCall, key: ListKey) -> dict[str, Any]:
    """What every page of a list shows of it. Raises InventoryNotFound."""
    show, rules, stock = await reading.organizers_list(call.pool, key, organization_id=call.organization_id)
    return {
        "show": show,
        "rules": rules,
        "stock": stock,
        "timezone": show.timezone,
        "list_page": to.of_list(to.DASHBOARD_LIST, key),
        "most": INT32_MAX,
    }


def _filter(call: PageCall, key: ListKey, timezone: str) -> reading.EntryFilter:
    """Which entries a query asks for; those who wait or hold tickets, unless it says so. Raises InvalidRequest."""
    asked = call.query_params
    status: list[str] | None = [one for one in asked.getlist("status") if one]
    if status and not {*status} <= {"all", *Status}:
        raise InvalidRequest.of("query.status", "must be waiting, ready, left or all")
    reasons = [one for one in asked.getlist("left_reason") if one]
    if not {*reasons} <= {*LeftReason}:
        raise InvalidRequest.of("query.left_reason", "must be bought, cancelled, expired, removed or ended")
    if status and "all" in status:
        status = None
    elif not status:
        status = [Status.LEFT] if reasons else None if asked.get("user_id") else list(_ACTIVE)
    return reading.EntryFilter(
        user_id=[user_id] if (user_id := _text(asked.get("user_id"))) else None,
        offer_id=[key.offer_id],
        representation_id=[key.representation_id],
        status=status,
        left_reason=reasons or None,
        joined_before=moment(asked, "joined_before", timezone),
        joined_after=moment(asked, "joined_after", timezone),
    )


def moment(form: Mapping[str, str], field: str, timezone: str) -> datetime | None:
    """The instant that a field of `datetime-local` names, by the clock of the event; None if it is empty. Raises
    InvalidRequest."""
    text = form.get(field, "").strip()
    if not text:
        return None
    try:
        named = datetime.fromisoformat(text)
    except ValueError:
        named = None
    if named is None or not 1900 <= named.year <= 9000:
        raise InvalidRequest.of(field, "must be a date and a time, such as 2030-01-31T20:00")
    return named if named.tzinfo else named.replace(tzinfo=ZoneInfo(timezone))


def _text(value: str | None) -> str | None:
    # PostgreSQL takes no NUL; nothing has one.
    return value.replace("\x00", "\N{REPLACEMENT CHARACTER}").strip() or None if value else None


def _next_page(call: PageCall, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    asked = [(name, value) for name, value in call.query_params.multi_items() if name not in ("cursor", "done")]
    return f"{call.page}?{urlencode([*asked, ('cursor', cursor)])}"
