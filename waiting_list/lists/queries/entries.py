"""Queries for entries: of a user, of an organization, as an export, and the contact of one."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias
from uuid import UUID

from waiting_list.lists.contact import KeptContact
from waiting_list.lists.models import Entry, ListKey
from waiting_list.lists.queries.export_layout import ExportedEntry
from waiting_list.lists.queries.why_waiting import OrganizersEntry
from waiting_list.postgres.pagination import Page, decode, page_of
from waiting_list.postgres.pool import Pool, connection, has_citus, snapshot
from waiting_list.postgres.statements import sql
from waiting_list.problems import InventoryNotFound, NotInList

_EXPORTED_AT_ONCE = 200
"""How many entries to make at once; other requests wait some milliseconds for that."""


class EntryFilter(NamedTuple):
    """A filter of entries: each given field must match one of its values."""

    user_id: Sequence[str] | None = None
    event_id: Sequence[str] | None = None
    offer_id: Sequence[str] | None = None
    representation_id: Sequence[str] | None = None
    status: Sequence[str] | None = None
    left_reason: Sequence[str] | None = None
    joined_before: datetime | None = None
    joined_after: datetime | None = None
    paused: bool = False
    """Whether only paused places match."""


async def entries_of_user(
    pool: Pool,
    user_id: str,
    *,
    organization_id: str,
    status: Sequence[str] | None,
    limit: int,
    cursor: str | None,
) -> Page[Entry]:
    """Return a user's entries in all lists of an organization, the newest first."""
    after = decode(cursor, datetime, UUID, int)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(
            sql("read_entries_of_caller"), user_id, organization_id, status, *after, limit + 1
        )
    return page_of(records, limit, Entry.from_record, "joined_at", "list_id", "number")


async def entries(
    pool: Pool,
    organization_id: str,
    only: EntryFilter,
    *,
    limit: int,
    cursor: str | None,
    by_number: bool = False,
) -> Page[OrganizersEntry]:
    """Return an organization's entries, list by list, each list in queue order.

    With `by_number`, each list is in the order of joining. Then every entry that passes the filter throughout is
    on exactly one page, even if it moves in line between two pages. Raises InvalidRequest for a cursor of the
    other order.
    """
    keys = ("list_id", "number") if by_number else ("list_id", "rank", "number")
    after = decode(cursor, UUID, *[int] * (len(keys) - 1))
    async with snapshot(pool) as acquired:
        # Citus refuses the statements that read each list to the end of the page only.
        if only.user_id is None and not has_citus(acquired):
            statement = sql("read_entries_in_number_order" if by_number else "read_entries")
            records = await acquired.fetch(statement, organization_id, *only[1:], *after, limit + 1)
        else:
            place = [*after, after[-1]] if by_number else after
            records = await acquired.fetch(
                sql("read_entries_of_users"), organization_id, *only, *place, limit + 1, by_number
            )
    return page_of(records, limit, OrganizersEntry.from_record, *keys)


Take: TypeAlias = Callable[[Sequence[ExportedEntry]], Awaitable[None]]
"""A function that takes some entries of an export."""


async def export_entries(
    pool: Pool, organization_id: str, only: EntryFilter, take: Take, *, contacts: bool = False
) -> None:
    """Give all entries of the filter, as of one instant, to `take`, some at a time and at least once.

    With `contacts`, they have the names and addresses of the fans.

    The snapshot stays open until `take` has all entries, so `take` must not wait for a client.
    Raises Unavailable.
    """
    last: dict[UUID, tuple[int, int]] = {}
    async with snapshot(pool) as acquired:
        cursor = await acquired.cursor(sql("export_entries"), organization_id, *only, contacts)
        while True:
            records = await cursor.fetch(_EXPORTED_AT_ONCE)
            for record in records:
                # The statement goes through entries in order. A sort would read a whole list first. Citus may mix
                # the entries of several lists.
                list_id, place = record["list_id"], (record["rank"], record["number"])
                assert list_id not in last or last[list_id] < place, "entries of an export are out of order"
                last[list_id] = place
            await take([ExportedEntry.from_record(record) for record in records])
            if len(records) < _EXPORTED_AT_ONCE:
                return


async def contact(pool: Pool, key: ListKey, user_id: str, *, organization_id: str) -> KeptContact:
    """Return the contact of a user's newest entry in a list. Raises InventoryNotFound, NotInList."""
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_contact_of_user"), key.list_id, user_id)
    if record is None or record["organization_id"] != organization_id:
        raise InventoryNotFound()
    if record["number"] is None:
        raise NotInList("This user has never joined this list.")
    return KeptContact.from_record(record)
