"""One waiting list inside one transaction, under its lock: what is known of it, and what is changed.

Verbs read and change the list only through a Ledger. Every change goes through `Ledger.apply`, which
records the history row from the very fields that it sets, so that no change can miss the history; and
`Ledger.flush` writes everything with one set-based statement a table, whether one fan was served or 500.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Self
from uuid import UUID

from waiting_list.database import Connection, Record, sql
from waiting_list.models import AfterExpiry, Entry, Inventory, LeftReason, ListKey, ListSettings, Policy, Status

RANK_STEP = 1_000_000
"""The rank of an entry that was never moved is its number times this: room for moves in between."""
SEGMENT_BITS = 30
"""A segment of the picture is the ranks that share `rank >> SEGMENT_BITS`: about a thousand numbers."""
SEGMENT_LEVELS = (SEGMENT_BITS - 5, SEGMENT_BITS, SEGMENT_BITS + 5)
"""The sizes of segments that are counted, as the bits of the ranks in each: 32 of one make one of the next. The
view `shown_entries` names the same."""


@dataclass(slots=True)
class EntryRow:
    """A row of `entries` as the transaction sees it."""

    number: int
    user_id: str | None
    status: Status
    left_reason: LeftReason | None
    tickets_wanted: int
    tickets_minimum: int
    tickets_held: int
    rank: int
    passed_over: int
    joined_at: datetime
    ready_at: datetime | None
    ready_until: datetime | None
    left_at: datetime | None

    @classmethod
    def of(cls, record: Record) -> Self:
        """The row that a statement returned with all of its columns."""
        row = cls(**{name: record[name] for name in _ENTRY_COLUMNS})
        row.status = Status(row.status)
        row.left_reason = LeftReason(row.left_reason) if row.left_reason else None
        return row


@dataclass(slots=True)
class ListRow:
    """A row of `inventory` as the transaction sees it."""

    list_id: UUID
    organization_id: str
    event_id: str
    offer_id: str
    representation_id: str
    total_stock: int
    available_stock: int
    held: int
    waiting_list_open: bool
    closed_by_hand: bool
    policy: Policy
    skip_limit: int
    hold_minutes: int | None
    after_expiry: AfterExpiry
    automatic: bool
    max_waiting: int | None
    closes_at: datetime | None
    waiting: int
    tickets_waiting: int
    last_number: int
    last_rank: int
    last_sequence: int
    ended_at: datetime | None

    @classmethod
    def of(cls, record: Record) -> Self:
        """The row that a statement returned with all of its columns."""
        row = cls(**{name: record[name] for name in _LIST_COLUMNS})
        row.policy, row.after_expiry = Policy(row.policy), AfterExpiry(row.after_expiry)
        return row

    @property
    def free(self) -> int:
        """Tickets that nobody has a claim on."""
        return self.available_stock - self.held

    @property
    def inventory(self) -> Inventory:
        """The stock, as clients see it."""
        return Inventory(free=self.free, **{name: getattr(self, name) for name in _INVENTORY_FIELDS})

    @property
    def settings(self) -> ListSettings:
        """The settings, as clients see them."""
        return ListSettings(
            open=self.waiting_list_open, **{name: getattr(self, name) for name in _SETTINGS_FIELDS}
        )


_ENTRY_COLUMNS = tuple(field.name for field in fields(EntryRow))
_LIST_COLUMNS = tuple(field.name for field in fields(ListRow))
_INVENTORY_FIELDS = tuple(name for name in Inventory.model_fields if name != "free")
_SETTINGS_FIELDS = tuple(name for name in ListSettings.model_fields if name != "open")

CREATED_WITH = (
    "total_stock",
    "available_stock",
    "held",
    "waiting_list_open",
    "closed_by_hand",
    "policy",
    "skip_limit",
    "hold_minutes",
    "after_expiry",
    "automatic",
    "max_waiting",
    "closes_at",
    "ended_at",
)
"""The list's fields that the history tells; the counters follow from the entries."""
JOINED_WITH = ("status", "tickets_wanted", "tickets_minimum", "rank")
"""The entry's fields that the history tells of a join; the others start empty."""


class Ledger:
    """The list under its lock. Make one with `Ledger.open`; after the verbs, `flush` once more."""

    def __init__(
        self, connection: Connection, row: ListRow, *, now: datetime, starts_at: datetime, maximum: int
    ) -> None:
        self.connection = connection
        self.list = row
        self.now = now
        self.starts_at = starts_at
        self.max_quantity_per_order = maximum
        self.promoted: list[EntryRow] = []
        """Whom the request under way has made ready, in order."""
        self.unsettled = False
        """Whether something happened after which the next in line might fit what is free."""
        self._known_from = row.last_rank
        self._entries: dict[int, EntryRow] = {}
        self._latest: dict[str, EntryRow | None] = {}
        self._new: dict[int, EntryRow] = {}
        self._changed: dict[int, Status] = {}
        self._segments: defaultdict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0])
        self._history: list[tuple[int, datetime, str, str, int | None, str | None, str]] = []

    @classmethod
    async def open(cls, connection: Connection, key: ListKey, *, now: datetime | None) -> Self | None:
        """Locks the list and reads it; None if there is none.

        Without `now`, the database clock is read after the lock was granted, in a statement of its own:
        inside the locking statement it could be evaluated before the wait.
        """
        record = await connection.fetchrow(sql("lock_list"), key.list_id)
        if record is None:
            return None
        row = ListRow.of(record)
        clock = await connection.fetchrow(sql("read_clock"), row.offer_id, row.representation_id, now)
        assert clock is not None, "the catalogue rows of an inventory cannot be deleted"
        return cls(
            connection,
            row,
            now=clock["now"],
            starts_at=clock["start_datetime"],
            maximum=clock["max_quantity_per_order"],
        )

    @property
    def ends_at(self) -> datetime:
        """When the list ends: as the representation begins, or at an earlier `closes_at`."""
        return min(self.list.closes_at or self.starts_at, self.starts_at)

    @property
    def ended(self) -> bool:
        """Whether the show has begun, or the list closed for good."""
        return self.now >= self.ends_at

    def deadline(self, entry: EntryRow) -> datetime:
        """Until when the holder of a ready entry can buy: never later than the end of the list."""
        return min(entry.ready_until or self.ends_at, self.ends_at)

    async def load_latest(self, user_ids: Iterable[str]) -> None:
        """Reads the latest entry of each of these users, with one statement."""
        missing = [user_id for user_id in user_ids if user_id not in self._latest]
        if not missing:
            return
        self._latest.update(dict.fromkeys(missing))
        for record in await self.connection.fetch(
            sql("read_latest_entries"), self.list.list_id, sorted(set(missing))
        ):
            entry = self._known(record)
            assert entry.user_id is not None
            self._latest[entry.user_id] = entry

    async def latest(self, user_id: str) -> EntryRow | None:
        """The newest entry of a user in this list, or None if there never was one."""
        await self.load_latest([user_id])
        return self._latest[user_id]

    def forget(self, user_id: str) -> None:
        """Drops what is known of a user's entries, once they are no longer theirs."""
        self._latest[user_id] = None

    async def read(self, statement: str, *arguments: Any) -> list[EntryRow]:
        """Entries of this list from a statement whose first parameter is the list.

        Writes what is pending first, so that the statement sees it.
        """
        await self.flush()
        records = await self.connection.fetch(sql(statement), self.list.list_id, *arguments)
        return [self._known(record) for record in records]

    def _known(self, record: Record) -> EntryRow:
        # One object an entry: two verbs of one batch must not change two copies.
        number = record["number"]
        if number not in self._entries:
            self._entries[number] = EntryRow.of(record)
        return self._entries[number]

    def join(self, actor: str, *, user_id: str | None, tickets_wanted: int, tickets_minimum: int) -> EntryRow:
        """Appends a new entry with the next number."""
        number = self.list.last_number + 1
        entry = EntryRow(
            number=number,
            user_id=user_id,
            status=Status.WAITING,
            left_reason=None,
            tickets_wanted=tickets_wanted,
            tickets_minimum=tickets_minimum,
            tickets_held=0,
            # Moves to the last place give ranks just above the last: never at or below one of those.
            rank=max(number * RANK_STEP, self.list.last_rank + 1),
            passed_over=0,
            joined_at=self.now,
            ready_at=None,
            ready_until=None,
            left_at=None,
        )
        self.list.last_number, self.list.last_rank = number, entry.rank
        # Who joins behind others changes nothing for the first in line.
        if self.list.waiting == 0 or (self.list.policy is Policy.SKIP and entry.tickets_minimum <= self.list.free):
            self.unsettled = True
        self._count(entry, 1, changed=0)
        self._entries[number] = self._new[number] = entry
        if user_id is not None:
            self._latest[user_id] = entry
        self._write_history("join", actor, entry, None, {name: getattr(entry, name) for name in JOINED_WITH})
        return entry

    def apply(
        self,
        verb: str,
        actor: str,
        entry: EntryRow | None = None,
        /,
        on_list: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> None:
        """Sets fields of an entry (`changes`) and of the list (`on_list`), and records it as one change.

        Keeps the counters of the list and its segments. A change to nothing new records nothing.
        """
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        free = self.list.free
        for target, values in ((self.list, on_list or {}), (entry, changes)):
            for name, value in values.items():
                if (old := getattr(target, name)) != value:
                    after[name] = value
                    if name != "user_id":  # the history names no person
                        before[name] = old
        if not after:
            return
        if entry is not None and not changes.keys().isdisjoint(after):
            self._changed.setdefault(entry.number, entry.status)
            was_waiting = entry.status is Status.WAITING
            sequence = self.list.last_sequence + 1
            self._count(entry, -1, changed=sequence)
            for name, value in changes.items():
                setattr(entry, name, value)
            self._count(entry, 1, changed=sequence)
            self.list.last_rank = max(self.list.last_rank, entry.rank)
            self.unsettled |= was_waiting
        for name, value in (on_list or {}).items():
            setattr(self.list, name, value)
        self.unsettled |= self.list.free > free
        self._write_history(verb, actor, entry, before, after)

    def record_creation(self, actor: str) -> None:
        """The first row of a list's history: everything that it starts with."""
        self._write_history("create", actor, None, None, {name: getattr(self.list, name) for name in CREATED_WITH})

    def _count(self, entry: EntryRow, sign: int, *, changed: int) -> None:
        # Who joins at the end moves nobody within the segment: changed is 0.
        if entry.status is not Status.WAITING:
            return
        for bits in SEGMENT_LEVELS:
            segment = self._segments[bits, entry.rank >> bits]
            segment[0] += sign
            segment[1] += sign * entry.tickets_wanted
            segment[2] = max(segment[2], changed)
        self.list.waiting += sign
        self.list.tickets_waiting += sign * entry.tickets_wanted

    def _write_history(
        self,
        verb: str,
        actor: str,
        entry: EntryRow | None,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any],
    ) -> None:
        self.list.last_sequence += 1
        self._history.append(
            (
                self.list.last_sequence,
                self.now,
                actor,
                verb,
                entry.number if entry else None,
                None if before is None else _json(before),
                _json(after),
            )
        )

    async def flush(self) -> None:
        """Writes what is pending: one statement a table, none where nothing changed.

        Raises AssertionError, and so rolls the transaction back, if a row was not in the state that it was
        read in: the lock excludes it.
        """
        if not self._history:
            return
        list_id, execute = self.list.list_id, self.connection.execute
        if changed := {n: status for n, status in self._changed.items() if n not in self._new}:
            rows = [self._entries[number] for number in changed]
            tag = await execute(sql("update_entries"), list_id, *_columns(rows), list(changed.values()))
            assert tag == f"UPDATE {len(rows)}", f"{tag} of {len(rows)} entries"
        # After the updates: who left and joined again in one transaction is active once.
        if self._new:
            await execute(sql("insert_entries"), list_id, *_columns(self._new.values()))
        if segments := {k: v for k, v in self._segments.items() if any(v)}:
            await execute(
                sql("upsert_segments"),
                list_id,
                *map(list, zip(*segments, strict=True)),
                *map(list, zip(*segments.values(), strict=True)),
            )
        await execute(sql("insert_history"), list_id, *map(list, zip(*self._history, strict=True)))
        await execute(sql("update_list"), *(getattr(self.list, name) for name in _UPDATED_LIST_COLUMNS))
        self._new.clear()
        self._changed.clear()
        self._segments.clear()
        self._history.clear()

    async def views(self, rows: Iterable[EntryRow]) -> dict[int, Entry]:
        """These entries as clients see them, by number, with exact positions. Flushes first."""
        await self.flush()
        shown = {row.number: row for row in rows}
        places = self._last_places()
        if others := [n for n, row in shown.items() if row.status is Status.WAITING and n not in places]:
            for record in await self.connection.fetch(sql("read_places"), self.list.list_id, others):
                places[record["number"]] = record["position"], record["tickets_ahead"]
        return {number: self._view(row, *places.get(number, (None, None))) for number, row in shown.items()}

    def _last_places(self) -> dict[int, tuple[int, int]]:
        # Behind the last rank that the list had when it was locked, everybody is known: nothing has to be read for
        # who has just joined.
        known = (r for r in self._entries.values() if r.status is Status.WAITING and r.rank > self._known_from)
        position, ahead = self.list.waiting, self.list.tickets_waiting
        places = {}
        for row in sorted(known, key=lambda one: one.rank, reverse=True):
            ahead -= row.tickets_wanted
            places[row.number] = position, ahead
            position -= 1
        return places

    def _view(self, row: EntryRow, position: int | None, tickets_ahead: int | None) -> Entry:
        return Entry(
            offer_id=self.list.offer_id,
            representation_id=self.list.representation_id,
            event_id=self.list.event_id,
            user_id=row.user_id,
            status=row.status,
            left_reason=row.left_reason,
            tickets_wanted=row.tickets_wanted,
            tickets_minimum=row.tickets_minimum,
            tickets_held=row.tickets_held,
            number=row.number,
            rank=row.rank,
            position=position,
            tickets_ahead=tickets_ahead,
            joined_at=row.joined_at,
            ready_at=row.ready_at,
            ready_until=self.deadline(row) if row.ready_at else None,
            left_at=row.left_at,
        )


_UPDATED_LIST_COLUMNS = (
    "list_id",
    *CREATED_WITH,
    "waiting",
    "tickets_waiting",
    "last_number",
    "last_rank",
    "last_sequence",
)


def _columns(rows: Iterable[EntryRow]) -> list[list[Any]]:
    """The rows turned into one array a column, for unnest."""
    return [list(column) for column in zip(*map(_values, rows), strict=True)]


_values = attrgetter(*_ENTRY_COLUMNS)
_json = json.JSONEncoder(default=datetime.isoformat, separators=(",", ":")).encode
