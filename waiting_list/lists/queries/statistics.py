"""Queries for statistics by hour, day or week: of a list, of an event, and of an organization.

Those of a list add the changes that are not counted yet, so they are of this instant. Those of several lists are
what the worker has counted, so that they cost the same however long the lists are. `Totals` says what is missing.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.lists import find_list
from waiting_list.lists.queries.models import Demand, Period, Statistics
from waiting_list.postgres.pool import Pool, snapshot
from waiting_list.postgres.statements import sql

Grain = Literal["hour", "day", "week"]
"""How long the periods are."""
_MOST_WANTED = 20


class Totals(NamedTuple):
    """What several lists hold now, and how many of their changes the worker has not counted yet."""

    lists: int
    waiting: int
    tickets_waiting: int
    held: int
    uncounted: int


class WantedList(NamedTuple):
    """A list that tickets are wanted of, in words for people."""

    offer_id: str
    representation_id: str
    event_id: str
    event_title: str
    offer_name: str
    start_datetime: datetime
    timezone: str
    waiting: int
    tickets_waiting: int
    held: int
    tickets_bought: int

    @property
    def demand(self) -> Demand:
        """Wanted against released."""
        return Demand.of(waiting=self.tickets_waiting, held=self.held, bought=self.tickets_bought)


class LargeStatistics(NamedTuple):
    """The statistics of several lists, and those of them that most tickets are wanted of."""

    statistics: Statistics
    totals: Totals
    most_wanted: tuple[WantedList, ...]


async def read_statistics(pool: Pool, key: ListKey, *, organization_id: str, period: Grain) -> Statistics:
    """Return the numbers of a list for each hour, day or week, and their sums. Raises InventoryNotFound."""
    await find_list(pool, key, organization_id)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_statistics"), key.list_id, period)
        grants = await acquired.fetchval(sql("read_grants"), key.list_id)
        median_wait = await acquired.fetchval(sql("read_median_wait"), key.list_id)
    periods = [Period.from_record(record) for record in records]
    return statistics_of(period, periods, grants=grants, median_wait=median_wait)


async def read_days(pool: Pool, key: ListKey) -> list[Period]:
    """Return the numbers of a list for each day on which something happened. Raises Unavailable."""
    async with snapshot(pool) as acquired:
        return [
            Period.from_record(one) for one in await acquired.fetch(sql("read_statistics"), key.list_id, "day")
        ]


async def read_large_statistics(
    pool: Pool, organization_id: str, *, event_id: str | None, period: Grain, timezone: str
) -> LargeStatistics:
    """Return the numbers of all lists of an organization, or of one of its events, with the days of a timezone.

    Raises Unavailable.
    """
    which = (organization_id, event_id)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_statistics_of_lists"), *which, period, timezone)
        median_wait = await acquired.fetchval(sql("read_median_wait_of_lists"), *which)
        (totals,) = await acquired.fetch(sql("read_totals_of_lists"), *which)
        wanted = await acquired.fetch(sql("read_most_wanted"), *which, _MOST_WANTED)
    periods = [Period.from_record(record) for record in records]
    return LargeStatistics(
        statistics_of(period, periods, grants=0, median_wait=median_wait),
        Totals(**totals),
        tuple(WantedList(**one) for one in wanted),
    )


async def timezones_of(pool: Pool, organization_id: str) -> list[str]:
    """Return the timezones of an organization's events, the most frequent one first; none without events."""
    async with snapshot(pool) as acquired:
        return [one["timezone"] for one in await acquired.fetch(sql("read_timezones"), organization_id)]


def statistics_of(
    period: Grain, periods: Sequence[Period], *, grants: int, median_wait: float | None
) -> Statistics:
    """Sum up some periods."""
    promotions = sum(one.promotions for one in periods)
    purchases = sum(one.purchases for one in periods)
    return Statistics(
        period=period,
        periods=tuple(periods),
        joins=sum(one.joins for one in periods),
        promotions=promotions,
        purchases=purchases,
        tickets_bought=sum(one.tickets_bought for one in periods),
        expiries=sum(one.expiries for one in periods),
        departures=sum(one.departures for one in periods),
        grants=grants,
        conversion=purchases / promotions if promotions else None,
        median_wait_seconds=median_wait,
    )
