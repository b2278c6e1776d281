"""The dashboard pages of a list's history and statistics."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, cast
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.lists.events import VERBS
from waiting_list.lists.queries import history as history_queries
from waiting_list.lists.queries.models import Period
from waiting_list.lists.queries.statistics import read_statistics
from waiting_list.pages.bar_chart import plot
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, list_facts, next_page
from waiting_list.pages.dashboard.people import people_of
from waiting_list.pages.page import PageRequest
from waiting_list.problems import InvalidRequest
from waiting_list.web.parameters import path_key

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)
_CHANGES = 100
_MOST_BARS = 400
_MOST_PERIODS = 4000
_PERIODS = ("hour", "day", "week")


@router.get(to.DASHBOARD_HISTORY)
async def show_history(call: PageRequest) -> Response:
    """Show the history of a list, the newest change first unless the query asks for the oldest."""
    key = path_key(call)
    shown = await list_facts(call, key)
    verbs = [verb for verb in call.query_params.getlist("verb") if verb in VERBS]
    oldest_first = call.query_params.get("order") == "oldest"
    read = history_queries.history if oldest_first else history_queries.story
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
        people=await people_of(call, key, {one.number for one in found.items if one.number}, shown_in="history"),
        more=next_page(call, found.next_cursor),
        verbs=VERBS,
        chosen=verbs,
        oldest_first=oldest_first,
    )


@router.get(to.DASHBOARD_STATISTICS)
async def show_statistics(call: PageRequest) -> Response:
    """Show the statistics of a list, as charts and as a table."""
    key = path_key(call)
    shown = await list_facts(call, key)
    period = call.query_params.get("period", "day")
    if period not in _PERIODS:
        raise InvalidRequest.of("query.period", "must be hour, day or week")
    statistics = await read_statistics(
        call.pool,
        key,
        organization_id=call.organization_id,
        period=cast(Literal["hour", "day", "week"], period),
    )
    columns = ("joins", "promotions", "purchases", "expiries", "departures", "tickets_waiting")
    periods = _without_gaps(statistics.periods, period, ZoneInfo(shown["timezone"]))[-_MOST_BARS:]
    plots = {name: plot([getattr(one, name) for one in periods]) for name in columns}
    return dashboard_page(
        call,
        "dashboard_statistics.html",
        **shown,
        statistics=statistics,
        drawn=periods,
        plots=plots,
        period=period,
        periods=_PERIODS,
    )


def _without_gaps(periods: Sequence[Period], period: str, zone: ZoneInfo) -> list[Period]:
    """Return the periods with the quiet ones between them, because a chart has time from left to right.

    In a quiet period, as many tickets wait as before, and all other numbers are 0.
    """
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
    # In the timezone of the event, because a day may have 23 or 25 hours there.
    local = at.astimezone(zone) + timedelta(days=7 if period == "week" else 1)
    return local.replace(hour=0).astimezone(UTC)
