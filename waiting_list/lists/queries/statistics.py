"""Queries for the statistics of a list: joins, promotions, purchases and departures by hour, day or week."""

from typing import Literal

from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.lists import find_list
from waiting_list.lists.queries.models import Period, Statistics
from waiting_list.postgres.pool import Pool, snapshot
from waiting_list.postgres.statements import sql


async def read_statistics(
    pool: Pool, key: ListKey, *, organization_id: str, period: Literal["hour", "day", "week"]
) -> Statistics:
    """Return the numbers of a list for each hour, day or week, and their sums. Raises InventoryNotFound."""
    await find_list(pool, key, organization_id)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_statistics"), key.list_id, period)
        grants = await acquired.fetchval(sql("read_grants"), key.list_id)
        median_wait = await acquired.fetchval(sql("read_median_wait"), key.list_id)
    periods = [Period.from_record(record) for record in records]
    promotions = sum(one.promotions for one in periods)
    purchases = sum(one.purchases for one in periods)
    return Statistics(
        period=period,
        periods=periods,
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
