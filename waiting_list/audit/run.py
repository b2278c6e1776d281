"""Audit lists: replay the history of every list, and compare the result with the tables.

The audit reads each list in one read-only transaction, so that it judges a live database at one instant and takes
no locks. Two passes stream through the history: first in the order of the changes, then entry by entry beside the
table of entries. Memory use stays small for lists of any length: eight bytes an entry, to know which entry is
first. The replay and the checks do no I/O.

The history names no person, so the audit cannot detect that two entries have swapped their users.
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sized
from typing import Any, NamedTuple

from waiting_list.audit.checks import (
    Tally,
    check_counts,
    check_entry,
    check_list,
    check_promotion,
    check_tally,
    check_users,
    entry_without_join,
)
from waiting_list.audit.entry_replay import EntryReplay
from waiting_list.audit.ledger import LedgerReplay, Subtree
from waiting_list.audit.recorded_change import read_row
from waiting_list.audit.replay import ListReplay
from waiting_list.audit.report import Difference, Finding, ListReport
from waiting_list.audit.wishes import audit_wishes
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import Connection, Pool, Record, connection, snapshot
from waiting_list.postgres.statements import sql
from waiting_list.problems import InventoryNotFound


class Step(NamedTuple):
    """How far an audit is."""

    key: ListKey
    """The list that it reads."""
    position: int
    """Which list this is: 1 is the first."""
    lists: int
    """How many lists there are."""
    changes: int
    """How many changes the list has."""
    percent: int
    """How much of the list is read."""


Progress = Callable[[Step], None]
"""A callback that gets each step: at the beginning of a list, and after each batch of rows."""
_LISTS_AT_ONCE = 500
_BATCH = 2_000
_SECONDS = 3600.0
"""Longer than the time limit of requests, because the first row of a long list waits for its sort."""


async def audit_lists(
    pool: Pool, *, only: ListKey | None = None, progress: Progress | None = None
) -> AsyncIterator[ListReport]:
    """Report on every list, or on one.

    Lists created meanwhile may be missing. Raises InventoryNotFound for a list that does not exist, Unavailable.
    """
    if only is not None:
        yield await audit_list(pool, only, progress=progress)
        return
    async with connection(pool) as acquired:
        lists = await acquired.fetchval(sql("count_lists")) if progress else 1
    position, after = 0, None
    while True:
        async with connection(pool) as acquired:
            records = await acquired.fetch(sql("audit_lists"), after, _LISTS_AT_ONCE)
        for record in records:
            position += 1
            try:
                yield await audit_list(
                    pool, ListKey(*record[1:]), progress=progress, position=position, lists=max(lists, position)
                )
            except InventoryNotFound:
                continue  # deleted since
        if len(records) < _LISTS_AT_ONCE:
            return
        after = records[-1]["list_id"]


async def audit_list(
    pool: Pool, key: ListKey, *, progress: Progress | None = None, position: int = 1, lists: int = 1
) -> ListReport:
    """Report on one list, as of one instant. Raises InventoryNotFound, Unavailable.

    `position` and `lists` are for the `progress`.
    """
    began = time.monotonic()
    async with snapshot(pool) as acquired:
        table = await acquired.fetchrow(sql("audit_list"), key.list_id)
        if table is None:
            raise InventoryNotFound()
        changes = table["last_sequence"]

        def tell(rows: int) -> None:
            if progress:
                # Both passes read the changes, and the second one the entries, too.
                percent = min(100, 100 * rows // max(1, 2 * changes + table["last_number"]))
                progress(Step(key, position, lists, changes, percent))

        audit = _Audit(acquired, key, dict(table), tell)
        await audit.run()
    return ListReport(
        offer_id=key.offer_id,
        representation_id=key.representation_id,
        changes=audit.replay.last_sequence,
        entries=audit.replay.last_number,
        seconds=time.monotonic() - began,
        finding=Finding.of(audit.first) if audit.first else None,
    )


class _Audit:
    """The audit of one list on one connection."""

    def __init__(
        self, connection: Connection, key: ListKey, table: Mapping[str, Any], tell: Callable[[int], None]
    ) -> None:
        self.first: Difference | None = None
        self.replay = ListReplay()
        self._connection = connection
        self._key = key
        self._table = table
        self._tell = tell
        self._rows = 0
        self._ledger = LedgerReplay(key.list_id, table)
        self._wrong_ledger: Difference | None = None
        """The first difference of the ledger: it counts if history and tables have none, as those say more."""
        limits = [limit for limit in (table["order_limit"], table["total_stock"]) if limit is not None]
        self._tally = Tally(
            only_verified=table["verify_email"],
            skips_failed=table["skip_failed_addresses"],
            most_held=min(limits),
        )

    async def run(self) -> None:
        """Set `first` to the first difference in the order of the changes. Differences of the tables come last."""
        self._tell(0)
        try:
            subtrees = self._subtrees()
            async for records in self._batches("audit_changes"):
                for record in records:
                    self.replay.fold(read_row(record[:6]))
                await self._follow_ledger(records, subtrees)
            await self._follow_ledger([], subtrees)
            check_list(self.replay, self._table)
            self._tally.at = self.replay.at
        except Difference as difference:
            self._note(difference)
        until = self.first.sequence if self.first else None
        await self._compare_entries(until)
        if self.first:
            return
        list_id = self._key.list_id
        try:
            segments = await self._connection.fetch(sql("audit_segments"), list_id)
            check_tally(self._tally, self._table, map(tuple, segments))
            counts = await self._connection.fetchrow(sql("audit_counts"), list_id, timeout=_SECONDS)
            check_counts(self._tally, dict(counts or {}))
            repeated = await self._connection.fetchrow(sql("audit_users"), list_id, timeout=_SECONDS)
            check_users(tuple(repeated) if repeated else ())
            await audit_wishes(self._connection, list_id)
            check_promotion(self._tally, self.replay, self._table)
            if self._wrong_ledger:
                raise self._wrong_ledger
            self._ledger.finish()
        except Difference as difference:
            self._note(difference)

    async def _follow_ledger(self, records: list[Record], subtrees: AsyncIterator[Subtree]) -> None:
        """Compare leaves and full subtrees with those that these changes add up to."""
        if self._wrong_ledger:
            return
        try:
            for record in records:
                for made in self._ledger.fold(record):
                    self._ledger.compare(made, await anext(subtrees, None))
            if not records and (left := await anext(subtrees, None)):
                raise self._ledger.extra_subtree(left)
        except Difference as difference:
            self._wrong_ledger = difference

    async def _subtrees(self) -> AsyncIterator[Subtree]:
        if not self._table["has_subtrees"]:
            return
        statement, list_id = sql("audit_subtrees"), self._key.list_id
        async for record in self._connection.cursor(statement, list_id, prefetch=_BATCH, timeout=_SECONDS):
            yield Subtree(*record)

    async def _compare_entries(self, until: int | None) -> None:
        """Do the second pass: compare every entry after its last change with the row of the table."""
        table = self._table_of_entries()
        record = await anext(table, None)
        async for entries in self._replayed(until):
            for entry in entries:
                entry.pass_draw()
                self._tally.count(entry)
                if self.first:
                    continue  # only an earlier change can still be the first difference
                try:
                    check_entry(entry, record)
                except Difference as difference:
                    self._note(difference)
                record = await anext(table, None)
        if not self.first and record is not None:
            self._note(entry_without_join(record["number"]))

    async def _table_of_entries(self) -> AsyncIterator[Any]:
        async for records in self._batches("audit_entries"):
            for record in records:
                yield record

    async def _replayed(self, until: int | None) -> AsyncIterator[list[EntryReplay]]:
        # Skips changes from `until` on, because the first difference comes before them. The last entry of a batch
        # may have further changes in the next.
        entry: EntryReplay | None = None
        broken = False
        async for records in self._batches("audit_changes_of_entries", until):
            complete = []
            for record in records:
                row = read_row(record)
                assert row.number is not None
                if entry is None or entry.number != row.number:
                    if entry is not None and not broken:
                        complete.append(entry)
                    entry, broken = EntryReplay(row.number, draw=self.replay.drawn), False
                if not broken:
                    try:
                        entry.fold(row)
                    except Difference as difference:
                        self._note(difference)
                        broken = True
            yield complete
        if entry is not None and not broken:
            yield [entry]

    async def _batches(self, statement: str, *arguments: Any) -> AsyncIterator[list[Record]]:
        cursor = self._connection.cursor(
            sql(statement), self._key.list_id, *arguments, prefetch=_BATCH, timeout=_SECONDS
        )
        records: list[Record] = []
        # One by one, because a `fetch` of the cursor costs a short list one more trip.
        async for record in cursor:
            records.append(record)
            if len(records) == _BATCH:
                self._tell_of(records)
                yield records
                records = []
        self._tell_of(records)
        yield records

    def _tell_of(self, records: Sized) -> None:
        self._rows += len(records)
        self._tell(self._rows)

    def _note(self, difference: Difference) -> None:
        last = float("inf")
        if self.first is None or (difference.sequence or last) < (self.first.sequence or last):
            self.first = difference


class DeletedLists(NamedTuple):
    """The totals of all lists that were deleted with their entries."""

    lists: int
    changes: int
    entries: int


async def deleted_lists(pool: Pool) -> DeletedLists:
    """Return what the deleted lists had, so that the numbers of the others and theirs are all that ever was."""
    async with connection(pool) as acquired:
        return DeletedLists(*await acquired.fetchrow(sql("read_deleted_lists")) or (0, 0, 0))


async def remember_audit(pool: Pool, *, lists: int, differences: int) -> None:
    """Store the result of an audit of all lists for the metrics. Raises Unavailable.

    On a read-only database, such as a standby, and for a role that can only read, it has no effect.
    """
    async with connection(pool) as acquired:
        if await acquired.fetchval(sql("may_insert_audit")):
            await acquired.execute(sql("insert_audit"), lists, differences)
