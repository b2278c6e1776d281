"""Queries for the history of a list or of an entry, and for statistics."""

from collections.abc import Sequence
from typing import Literal

from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.lists import find_list
from waiting_list.lists.queries.models import Change, Period, Statistics
from waiting_list.postgres.pagination import Page, decode, page_of
from waiting_list.postgres.pool import Pool, snapshot
from waiting_list.postgres.statements import sql


async def history(
    pool: Pool,
    key: ListKey,
    *,
    organization_id: str,
    verb: Sequence[str] | None,
    limit: int,
    cursor: str | None,
) -> Page[Change]:
    """Return every change of a list, in order. Raises InventoryNotFound."""
    await find_list(pool, key, organization_id)
    (after,) = decode(cursor, int)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_history"), key.list_id, verb, after or 0, limit + 1)
    return page_of(records, limit, Change.from_record, "sequence")


async def story(
    pool: Pool,
    key: ListKey,
    *,
    organization_id: str,
    verb: Sequence[str] | None = None,
    number: int | None = None,
    limit: int,
    cursor: str | None,
) -> Page[Change]:
    """Return the changes of a list, or of its entry `number`, the newest first. Raises InventoryNotFound."""
    await find_list(pool, key, organization_id)
    (before,) = decode(cursor, int)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_story"), key.list_id, verb, number, before, limit + 1)
    return page_of(records, limit, Change.from_record, "sequence")


async def statistics(
    pool: Pool, key: ListKey, *, organization_id: str, period: Literal["hour", "day", "week"]
) -> Statistics:
    """Return the numbers of a list for each hour, day or week, and their sums. Raises InventoryNotFound."""
    await find_list(pool, key, organization_id)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_statistics"), key.list_id, period)
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
        conversion=purchases / promotions if promotions else None,
        median_wait_seconds=median_wait,
    )
