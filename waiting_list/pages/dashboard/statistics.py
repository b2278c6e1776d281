"""The dashboard pages of statistics: of a list, of an event, and of the organization."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.catalogue.models import Event
from waiting_list.i18n import shown_brief, shown_day
from waiting_list.lists import verbs
from waiting_list.lists.models import Answer, ListKey
from waiting_list.lists.queries.export_layout import spreadsheet_file
from waiting_list.lists.queries.models import Demand, Period, Statistics
from waiting_list.lists.queries.statistics import (
    Grain,
    LargeStatistics,
    read_large_statistics,
    read_statistics,
    statistics_of,
    timezones_of,
)
from waiting_list.lists.setting import N_
from waiting_list.pages.charts import Chart, chart
from waiting_list.pages.dashboard.events import event_of
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, list_facts
from waiting_list.pages.dashboard.people import people_of
from waiting_list.pages.forms import whole_number
from waiting_list.pages.page import PageRequest
from waiting_list.problems import ExceedsTotalStock, InvalidRequest, Problem
from waiting_list.web.parameters import path_key

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)
_MOST_COLUMNS = 200
"""The most periods that a page shows, the newest ones: with more, a column would be narrower than a line."""
_FEWEST_DAYS = 3
"""With fewer days from the first change to the last, a page shows hours."""
_MOST_PERIODS = 4000
_GRAINS: dict[str, Grain] = {"hour": "hour", "day": "day", "week": "week"}
_RANGES: dict[str, tuple[int | None, Grain]] = {
    "day": (1, "hour"),
    "week": (7, "hour"),
    "month": (30, "day"),
    "all": (None, "day"),
}
"""How many days a range goes back, and its periods."""
_SERIES = ("joins", "promotions", "purchases", "expiries", "departures")
_COLUMNS = {
    "joins": N_("Joins"),
    "promotions": N_("Offers"),
    "purchases": N_("Purchases"),
    "tickets_bought": N_("Tickets bought"),
    "expiries": N_("Expired"),
    "departures": N_("Left or removed"),
    "tickets_waiting": N_("Tickets still wanted"),
    "tickets_held": N_("Tickets held"),
}
_SUMS = {"wanted": N_("Wanted in all"), "released": N_("Released in all")}
"""Further columns: the lines of the timeline, as tickets at the end of each period."""


class Asked(NamedTuple):
    """The range that a reader chose: how many days it goes back, or None for all, and by which periods."""

    name: str
    days: int | None
    grain: Grain
    by_choice: bool
    """Whether the reader chose the periods."""

    @classmethod
    def of(cls, call: PageRequest) -> "Asked":
        """Read it from the query. Raises InvalidRequest."""
        name = call.query_params.get("range", "all")
        if name not in _RANGES:
            raise InvalidRequest.of("query.range", "must be day, week, month or all")
        days, grain = _RANGES[name]
        period = call.query_params.get("period")
        if period not in {None, *_GRAINS}:
            raise InvalidRequest.of("query.period", "must be hour, day or week")
        return cls(name, days, _GRAINS[period] if period else grain, period is not None)

    def better(self, periods: Sequence[Period]) -> "Asked | None":
        """Return the same range by weeks if there are too many days for a chart, or by hours if too few."""
        if self.by_choice or not periods or self.grain != "day":
            return None
        length = periods[-1].period_at - periods[0].period_at
        if length.days > _MOST_COLUMNS:
            return self._replace(grain="week", by_choice=True)
        is_short = self.days is None and length.days < _FEWEST_DAYS
        return self._replace(grain="hour", by_choice=True) if is_short else None


class WhatIf(NamedTuple):
    """What a release would do, as the engine tried it, and took back."""

    tickets: str
    """As it was typed."""
    raises_capacity: bool
    answer: Answer | None
    refusal: Problem | None


class Shown(NamedTuple):
    """The numbers of a range: the periods that are drawn with their labels, the sums of all, and the charts."""

    asked: Asked
    periods: Sequence[Period]
    statistics: Statistics
    labels: Sequence[str]
    charts: dict[str, Chart]
    demands: Sequence[Demand]
    """Wanted against released at the end of each period that is drawn."""
    timeline: Chart


@router.get(to.DASHBOARD_STATISTICS)
async def show_statistics(call: PageRequest) -> Response:
    """Show the numbers of a list, as charts and as a table, and what a release would do."""
    key, asked = path_key(call), Asked.of(call)
    facts = await list_facts(call, key)
    statistics, shown = await _of_list(call, key, asked, facts["timezone"])
    stock, rules = facts["stock"], facts["rules"]
    what_if = await _what_if(call, key, automatic=rules.automatic)
    promoted = what_if.answer.promoted if what_if and what_if.answer else ()
    return dashboard_page(
        call,
        "dashboard_statistics.html",
        **facts,
        **_facts(shown, statistics, to.of_list(to.DASHBOARD_STATISTICS_CSV, key)),
        grants=statistics.grants,
        demand=Demand.of(waiting=rules.tickets_waiting, held=stock.held, bought=statistics.tickets_bought),
        waiting=rules.waiting,
        tickets_waiting=rules.tickets_waiting,
        held=stock.held,
        what_if=what_if,
        people=await people_of(call, key, [one.number for one in promoted], shown_in="statistics"),
    )


@router.get(to.DASHBOARD_STATISTICS_CSV)
async def export_statistics(call: PageRequest) -> Response:
    """Export the periods of a list's page, as CSV for a spreadsheet."""
    key, asked = path_key(call), Asked.of(call)
    timezone = (await list_facts(call, key))["timezone"]
    _, shown = await _of_list(call, key, asked, timezone)
    return _csv(call, shown, timezone)


@router.get(to.DASHBOARD_EVENT_STATISTICS)
async def show_event_statistics(call: PageRequest) -> Response:
    """Show the numbers of all lists of an event."""
    event = await event_of(call)
    return await _show_large(call, "dashboard_event_statistics.html", event.timezone, event)


@router.get(to.DASHBOARD_EVENT_STATISTICS_CSV)
async def export_event_statistics(call: PageRequest) -> Response:
    """Export the periods of an event's page, as CSV for a spreadsheet."""
    event = await event_of(call)
    _, shown = await _of_lists(call, Asked.of(call), event.timezone, event.event_id)
    return _csv(call, shown, event.timezone)


@router.get(to.DASHBOARD_ALL_STATISTICS)
async def show_all_statistics(call: PageRequest) -> Response:
    """Show the numbers of all lists of the organization, in the timezone of most of its events."""
    zones = await timezones_of(call.pool, call.organization_id)
    return await _show_large(call, "dashboard_all_statistics.html", zones[0] if zones else "UTC", zones=zones)


@router.get(to.DASHBOARD_ALL_STATISTICS_CSV)
async def export_all_statistics(call: PageRequest) -> Response:
    """Export the periods of the organization's page, as CSV for a spreadsheet."""
    zones = await timezones_of(call.pool, call.organization_id)
    timezone = zones[0] if zones else "UTC"
    _, shown = await _of_lists(call, Asked.of(call), timezone, None)
    return _csv(call, shown, timezone)


async def _show_large(
    call: PageRequest, template: str, timezone: str, event: Event | None = None, **more: Any
) -> Response:
    large, shown = await _of_lists(call, Asked.of(call), timezone, event.event_id if event else None)
    totals, bought = large.totals, large.statistics.tickets_bought
    csv = to.DASHBOARD_ALL_STATISTICS_CSV
    if event:
        csv = to.address(to.DASHBOARD_EVENT_STATISTICS_CSV, event_id=event.event_id)
        more |= {"event": event, "event_page": to.address(to.DASHBOARD_EVENT, event_id=event.event_id)}
    return dashboard_page(
        call,
        template,
        **_facts(shown, large.statistics, csv),
        **more,
        timezone=timezone,
        demand=Demand.of(waiting=totals.tickets_waiting, held=totals.held, bought=bought),
        waiting=totals.waiting,
        tickets_waiting=totals.tickets_waiting,
        held=totals.held,
        grants=None,
        uncounted=totals.uncounted,
        most_wanted=large.most_wanted,
    )


def _facts(shown: Shown, all_of_it: Statistics, csv: str) -> dict[str, Any]:
    asked = shown.asked
    return {
        "ranges": tuple(_RANGES),
        "asked": asked,
        "statistics": shown.statistics,
        "median_wait_seconds": all_of_it.median_wait_seconds,
        "drawn": shown.periods,
        "labels": shown.labels,
        "charts": shown.charts,
        "demands": shown.demands,
        "timeline": shown.timeline,
        "csv": f"{csv}?range={asked.name}&period={asked.grain}",
    }


async def _of_list(call: PageRequest, key: ListKey, asked: Asked, timezone: str) -> tuple[Statistics, Shown]:
    statistics = await read_statistics(call.pool, key, organization_id=call.organization_id, period=asked.grain)
    if better := asked.better(statistics.periods):
        return await _of_list(call, key, better, timezone)
    return statistics, _shown(call, statistics, asked, timezone)


async def _of_lists(
    call: PageRequest, asked: Asked, timezone: str, event_id: str | None
) -> tuple[LargeStatistics, Shown]:
    large = await read_large_statistics(
        call.pool, call.organization_id, event_id=event_id, period=asked.grain, timezone=timezone
    )
    if better := asked.better(large.statistics.periods):
        return await _of_lists(call, better, timezone, event_id)
    return large, _shown(call, large.statistics, asked, timezone)


def _shown(call: PageRequest, statistics: Statistics, asked: Asked, timezone: str) -> Shown:
    grain, zone, locale = asked.grain, ZoneInfo(timezone), call.locale()
    now = datetime.now(zone)
    since = _start_of(now - timedelta(days=asked.days), grain) if asked.days else None
    found = [one for one in statistics.periods if since is None or one.period_at >= since]
    sums = statistics_of(grain, found, grants=0, median_wait=None)
    if since:
        earlier = [one for one in statistics.periods if one.period_at < since]
        found = _to_both_ends(found, since, _start_of(now, grain), earlier[-1] if earlier else None)
    periods = _without_gaps(found, grain, zone)[-_MOST_COLUMNS:]
    name = shown_brief if grain == "hour" else shown_day
    labels = [name(one.period_at, timezone, locale=locale) for one in periods]
    before = statistics.tickets_bought - sum(one.tickets_bought for one in periods)
    bought = [*accumulate((one.tickets_bought for one in periods), initial=before)][1:]
    demands = [
        Demand.of(waiting=one.tickets_waiting, held=one.tickets_held, bought=so_far)
        for one, so_far in zip(periods, bought, strict=True)
    ]
    charts = {name: chart(labels, [getattr(one, name) for one in periods]) for name in _SERIES}
    wanted, released = ([getattr(one, name) for one in demands] for name in _SUMS)
    timeline = chart(labels, wanted, released, height=220)
    return Shown(asked, periods, sums, labels, charts, demands, timeline)


def _to_both_ends(found: list[Period], since: datetime, until: datetime, earlier: Period | None) -> list[Period]:
    """Return the periods with a quiet one at each end of a range, if there is none.

    `earlier` is the last period before the range.
    """
    if not found or found[0].period_at > since:
        found = [_quiet(since, earlier), *found]
    if found[-1].period_at < until:
        found = [*found, _quiet(until, found[-1])]
    return found


def _without_gaps(periods: Sequence[Period], grain: Grain, zone: ZoneInfo) -> list[Period]:
    """Return the periods with the quiet ones between them, because a chart has time from left to right.

    In a quiet period, as many tickets are wanted and held as before, and all other numbers are 0.
    """
    found: list[Period] = []
    for one in periods:
        while found and (following := _following(found[-1].period_at, grain, zone)) < one.period_at:
            found.append(_quiet(following, found[-1]))
            if len(found) > _MOST_PERIODS:
                del found[:_MOST_COLUMNS]
        found.append(one)
    return found


def _quiet(at: datetime, before: Period | None) -> Period:
    kept = {name: getattr(before, name) if before else 0 for name in ("tickets_waiting", "tickets_held")}
    return Period(**dict.fromkeys(Period.model_fields, 0) | kept | {"period_at": at})


def _start_of(local: datetime, grain: Grain) -> datetime:
    start = local.replace(minute=0, second=0, microsecond=0)
    if grain != "hour":
        start = (start - timedelta(days=start.weekday() if grain == "week" else 0)).replace(hour=0)
    return start.astimezone(UTC)


def _following(at: datetime, grain: Grain, zone: ZoneInfo) -> datetime:
    if grain == "hour":
        return at + timedelta(hours=1)
    # In the timezone of the event, because a day may have 23 or 25 hours there.
    local = at.astimezone(zone) + timedelta(days=7 if grain == "week" else 1)
    return local.replace(hour=0).astimezone(UTC)


async def _what_if(call: PageRequest, key: ListKey, *, automatic: bool) -> WhatIf | None:
    """Try a release of the tickets that the query names, and take it back; None if it names none.

    Where tickets are offered by hand, it releases free ones. Else they are returned; and where that would be more
    than the capacity, the capacity grows.
    """
    typed = call.query_params.get("release")
    if typed is None:
        return None
    preview = call.engine.preview
    try:
        tickets = whole_number(call.query_params, "release")
        if not automatic:
            answer = await preview.run(key, call.caller, verbs.promote, tickets=tickets)
            return WhatIf(typed, False, answer, None)
        try:
            answer = await preview.run(key, call.caller, verbs.add_stock, quantity=tickets)
            return WhatIf(typed, False, answer, None)
        except ExceedsTotalStock:
            answer = await preview.run(key, call.caller, verbs.add_total_stock, quantity=tickets)
            return WhatIf(typed, True, answer, None)
    except Problem as problem:
        return WhatIf(typed, False, None, problem)


def _csv(call: PageRequest, shown: Shown, timezone: str) -> Response:
    zone = ZoneInfo(timezone)
    rows = [
        [
            f"{one.period_at.astimezone(zone):%Y-%m-%d %H:%M}",
            *(getattr(one, name) for name in _COLUMNS),
            *(getattr(demand, name) for name in _SUMS),
        ]
        for one, demand in zip(shown.periods, shown.demands, strict=True)
    ]
    header = [N_("From (local time)"), *_COLUMNS.values(), *_SUMS.values()]
    headers = {
        "Content-Disposition": 'attachment; filename="statistics.csv"',
        "X-Content-Type-Options": "nosniff",
    }
    body = spreadsheet_file(call.locale(), header, rows)
    return Response(body, headers=headers, media_type="text/csv; charset=utf-8")
