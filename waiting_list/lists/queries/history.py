"""Queries for the history of a list, and of one entry."""

from collections.abc import Sequence

from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.lists import find_list
from waiting_list.lists.queries.models import Change
from waiting_list.postgres.pagination import Page, decode, page_of
from waiting_list.postgres.pool import Pool, connection, snapshot
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
    verb: Sequence[str] | None,
    limit: int,
    cursor: str | None,
) -> Page[Change]:
    """Return the changes of a list, the newest first. Raises InventoryNotFound."""
    await find_list(pool, key, organization_id)
    (before,) = decode(cursor, int)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_story"), key.list_id, verb, before, limit + 1)
    return page_of(records, limit, Change.from_record, "sequence")


async def story_of_entry(
    pool: Pool, key: ListKey, *, organization_id: str, number: int, limit: int, cursor: str | None
) -> Page[Change]:
    """Return the changes of one entry of a list, the newest first. Raises InventoryNotFound."""
    await find_list(pool, key, organization_id)
    (before,) = decode(cursor, int)
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_story_of_entry"), key.list_id, number, before, limit + 1)
    return page_of(records, limit, Change.from_record, "sequence")
