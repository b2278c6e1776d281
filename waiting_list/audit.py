"""The audit: replays the history of every list and compares the result with the tables.

Each list is read in one read-only transaction, so that a live database is judged at one instant and nothing
is locked. Two passes stream through its history, first in the order of the changes, then entry by entry
beside the entries' table: memory stays bounded however long the list is (eight bytes an entry, for who stands
first). What is compared, and how a change is followed, is pure: here and in replay.py.

The history names no person, so the audit cannot tell if two entries have swapped their users.
"""

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from asyncpg import ReadOnlySQLTransactionError

from waiting_list.database import Connection, Pool, Record, connection, snapshot, sql
from waiting_list.findings import Check, Difference, Finding, ListReport, format_value
from waiting_list.list_settings import Policy
from waiting_list.models import ListKey, Status
from waiting_list.problems import InventoryNotFound, Unavailable
from waiting_list.ranks import SEGMENT_LEVELS
from waiting_list.replay import TOLD_OF_ENTRY, EntryReplay, ListReplay, Row, read_row
from waiting_list.rows import CREATED_WITH

Progress = Callable[[ListKey, int], None]
"""Told the list and how many rows were read of it so far, over both passes, every 10,000 rows."""
_STEP = 10_000
_LISTS_AT_ONCE = 500
_PREFETCH = 2_000
# One row of a long list may take as long as its sort: not the time that a fan's request may take.
_SECONDS = 3600.0


async def audit_lists(
    pool: Pool, *, only: ListKey | None = None, progress: Progress | None = None
) -> AsyncIterator[ListReport]:
    """The report of every list, or of one, one after the other.

    Lists made meanwhile may be left out. Raises InventoryNotFound for a list that does not exist,
    Unavailable.
    """
    if only is not None:
        yield await audit_list(pool, only, progress=progress)
        return
    after = None
    while True:
        async with connection(pool) as acquired:
            records = await acquired.fetch(sql("audit_lists"), after, _LISTS_AT_ONCE)
        for record in records:
            try:
                yield await audit_list(pool, ListKey(*record[1:]), progress=progress)
            except InventoryNotFound:
                continue  # deleted since
        if len(records) < _LISTS_AT_ONCE:
            return
        after = records[-1]["list_id"]


async def audit_list(pool: Pool, key: ListKey, *, progress: Progress | None = None) -> ListReport:
    """The report of one list, as of one instant. Raises InventoryNotFound, Unavailable."""
    began = time.monotonic()
    async with snapshot(pool) as acquired:
        table = await acquired.fetchrow(sql("audit_list"), key.list_id)
        if table is None:
            raise InventoryNotFound()
        audit = _Audit(acquired, key, dict(table), progress)
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
        self, connection: Connection, key: ListKey, table: Mapping[str, Any], progress: Progress | None
    ) -> None:
        self.first: Difference | None = None
        self.replay = ListReplay()
        self._connection = connection
        self._key = key
        self._table = table
        self._progress = progress
        self._rows = 0
        self._tally = Tally(only_verified=table["verify_email"])

    async def run(self) -> None:
        """Sets `first` to the first difference, by the order of the changes; those of the tables go last."""
        try:
            async for row in self._changes("audit_changes"):
                self.replay.fold(row)
            check_list(self.replay, self._table)
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
            repeated = await self._connection.fetchrow(sql("audit_users"), list_id, timeout=_SECONDS)
            check_users(tuple(repeated) if repeated else ())
            check_promotion(self._tally, self.replay, self._table)
        except Difference as difference:
            self._note(difference)

    async def _compare_entries(self, until: int | None) -> None:
        """The second pass: every entry after its last change, beside the table's rows."""
        table = self._stream("audit_entries")
        record = await anext(table, None)
        async for entry in self._replayed(until):
            self._tally.count(entry)
            if self.first:
                continue  # only an earlier change can still be the first difference
            try:
                check_entry(entry, dict(record) if record else None)
            except Difference as difference:
                self._note(difference)
            record = await anext(table, None)
        if not self.first and record is not None:
            self._note(_besides(record["number"]))

    async def _replayed(self, until: int | None) -> AsyncIterator[EntryReplay]:
        # Changes from `until` on are left out: the first difference is not among them.
        entry: EntryReplay | None = None
        broken = False
        async for row in self._changes("audit_changes_of_entries", until):
            assert row.number is not None
            if entry is None or entry.number != row.number:
                if entry is not None and not broken:
                    yield entry
                entry, broken = EntryReplay(row.number), False
            if not broken:
                try:
                    entry.fold(row)
                except Difference as difference:
                    self._note(difference)
                    broken = True
        if entry is not None and not broken:
            yield entry

    async def _changes(self, statement: str, *arguments: Any) -> AsyncIterator[Row]:
        async for record in self._stream(statement, *arguments):
            yield read_row(record)

    async def _stream(self, statement: str, *arguments: Any) -> AsyncIterator[Record]:
        cursor = self._connection.cursor(
            sql(statement), self._key.list_id, *arguments, prefetch=_PREFETCH, timeout=_SECONDS
        )
        async for record in cursor:
            self._rows += 1
            if self._progress and self._rows % _STEP == 0:
                self._progress(self._key, self._rows)
            yield record

    def _note(self, difference: Difference) -> None:
        last = float("inf")
        if self.first is None or (difference.sequence or last) < (self.first.sequence or last):
            self.first = difference


@dataclass(slots=True)
class Tally:
    """What the entries of a list add up to, as their changes say."""

    only_verified: bool = False
    """Whether promotion passes over those whose address nobody has verified."""
    waiting: int = 0
    tickets_waiting: int = 0
    held: int = 0
    segments: defaultdict[tuple[int, int], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    first: tuple[int, int, int, int] | None = None
    """(rank, number, minimum, passed over) of the first in line who can be promoted."""
    least: tuple[int, int] | None = None
    """(minimum, number) of who could be served with the fewest tickets."""

    def count(self, entry: EntryReplay) -> None:
        """Adds an entry, after its last change."""
        self.held += entry.fields["tickets_held"]
        if entry.fields["status"] is not Status.WAITING:
            return
        rank, wanted, minimum = (entry.fields[n] for n in ("rank", "tickets_wanted", "tickets_minimum"))
        self.waiting += 1
        self.tickets_waiting += wanted
        for bits in SEGMENT_LEVELS:
            segment = self.segments[bits, rank >> bits]
            segment[0] += 1
            segment[1] += wanted
        if self.only_verified and entry.fields["unverified"]:
            return
        head = (rank, entry.number, minimum, entry.fields["passed_over"])
        self.first = min(self.first or head, head)
        self.least = min(self.least or (minimum, entry.number), (minimum, entry.number))


def check_list(replay: ListReplay, table: Mapping[str, Any]) -> None:
    """Compares a list's stock, settings and last numbers with their replay. Raises Difference."""
    if not replay.last_sequence:
        raise Difference(Check.CREATION, "The list has no history.", sequence=1, expected="create")
    for check, name in (
        (Check.SEQUENCE, "last_sequence"),
        (Check.NUMBER, "last_number"),
        (Check.COUNTER, "last_rank"),
    ):
        _compare(check, f"{name} of the list", getattr(replay, name), table[name])
    for name in CREATED_WITH:
        _compare(Check.LIST, f"{name} of the list", replay.fields[name], table[name])


def check_entry(entry: EntryReplay, table: Mapping[str, Any] | None) -> None:
    """Compares an entry with the table's next row, which has `erased` in place of the user. Raises
    Difference."""
    if table is None or table["number"] > entry.number:
        raise Difference(
            Check.ENTRY,
            f"Entry {entry.number} joined, but the table of entries does not have it.",
            number=entry.number,
            expected=entry.number,
        )
    if table["number"] < entry.number:
        raise _besides(table["number"])
    for name in sorted(TOLD_OF_ENTRY):
        _compare(Check.ENTRY, f"{name} of entry {entry.number}", entry.fields[name], table[name], entry.number)
    if entry.erased != table["erased"]:
        raise Difference(
            Check.ERASED,
            f"Entry {entry.number} names a person who was erased."
            if entry.erased
            else f"Entry {entry.number} names nobody, but nobody was erased.",
            number=entry.number,
            expected=entry.erased,
            found=table["erased"],
        )


def _besides(number: int) -> Difference:
    return Difference(
        Check.ENTRY,
        f"The table of entries has entry {number}, which never joined.",
        number=number,
        found=number,
    )


def check_tally(tally: Tally, table: Mapping[str, Any], segments: Iterable[tuple[int, int, int, int]]) -> None:
    """Compares the list's counters and segments (bits, segment, waiting, tickets) with what its entries add up
    to. Raises Difference."""
    _compare(Check.HELD, "held of the list", tally.held, table["held"])
    for name in ("waiting", "tickets_waiting"):
        _compare(Check.COUNTER, f"{name} of the list", getattr(tally, name), table[name])
    expected = dict(tally.segments)
    for bits, segment, *counts in segments:
        what = f"count of segment {segment} of {bits} bits"
        _compare(Check.SEGMENT, what, expected.pop((bits, segment), [0, 0]), counts)
    for (bits, segment), counts in sorted(expected.items()):
        _compare(Check.SEGMENT, f"count of segment {segment} of {bits} bits", counts, [0, 0])


def check_users(repeated: tuple[int, ...]) -> None:
    """Checks that no two active entries, given by number, are of one user. Raises Difference."""
    if repeated:
        one, other = repeated
        raise Difference(
            Check.USER,
            f"Entries {one} and {other} are both active, and of the same user.",
            number=other,
            expected="one active entry",
            found=[one, other],
        )


def check_promotion(tally: Tally, replay: ListReplay, table: Mapping[str, Any]) -> None:
    """Checks that free tickets serve nobody whose turn it is, by the policy of a list that promotes by
    itself and has not ended. Raises Difference."""
    ended = table["ended"] or (replay.at is not None and replay.at >= table["ends_at"])
    if tally.first is None or tally.least is None or ended or not table["automatic"]:
        return
    free = table["available_stock"] - table["held"]
    _, number, minimum, passed_over = tally.first
    if table["policy"] == Policy.SKIP and passed_over < table["skip_limit"]:
        minimum, number = tally.least
    if free >= minimum:
        raise Difference(
            Check.PROMOTION,
            f"{free} tickets are free, and entry {number} still waits for {minimum}.",
            number=number,
            expected=f"fewer than {minimum} free",
            found=free,
        )


def _compare(check: Check, what: str, expected: Any, found: Any, number: int | None = None) -> None:
    if expected != found:
        raise Difference(
            check,
            f"The {what} is {format_value(found)}; the history adds up to {format_value(expected)}.",
            number=number,
            expected=expected,
            found=found,
        )


async def remember_audit(pool: Pool, *, lists: int, differences: int) -> None:
    """Lets the metrics say what an audit of all lists has found. Does nothing on a database that cannot be written
    to, such as a standby. Raises Unavailable."""
    try:
        async with connection(pool) as acquired:
            await acquired.execute(sql("insert_audit"), lists, differences)
    except Unavailable as error:
        if not isinstance(error.__cause__, ReadOnlySQLTransactionError):
            raise
