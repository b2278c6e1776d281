"""One waiting list inside one transaction, under its lock: read it, and change it.

Verbs read and change the list only through this class. Every change goes through `record`, which makes its
history row from the very fields that it sets. `flush` writes everything with one set-based statement, for one fan
or for 500.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any, Self
from uuid import UUID

from waiting_list.lists.change_columns import change_arrays, list_settings
from waiting_list.lists.entry_contacts import EntryContacts
from waiting_list.lists.event_limit import OtherPlaces
from waiting_list.lists.join_limit import JoinLimit
from waiting_list.lists.leaves import as_json, with_leaves
from waiting_list.lists.list_clock import OF_REPRESENTATION, ListClock
from waiting_list.lists.models import CLOCK, Entry, ListKey, Status
from waiting_list.lists.ranks import SegmentChanges, joining_rank, last_places
from waiting_list.lists.rows import (
    ENTRY_COLUMNS,
    JOINED_ALSO_WITH,
    JOINED_WITH,
    STOCK,
    EntryChange,
    EntryRow,
    ListRow,
    News,
    entry_view,
)
from waiting_list.lists.setting_values import Policy
from waiting_list.lists.wishes import Wishes
from waiting_list.lists.write_by_parts import write_by_parts
from waiting_list.postgres.pool import Connection, Record, has_citus, lock_list
from waiting_list.postgres.statements import sql

BEFORE_ALL = -(2**63)
"""A rank lower than that of any entry."""


class LockedList(ListClock):
    """One list under its lock. Get it from `open` or `read_locked`; after the verbs, call `flush` once more."""

    def __init__(self, connection: Connection, record: Record, secret: bytes) -> None:
        row = ListRow.from_record(record)
        self.secret = secret
        """The deployment's `derived` secret, from which hashes of persons are made."""
        self.connection = connection
        self.list = row
        self.was = replace(row)
        """The list before any change of this transaction."""
        self.now: datetime = record["now"]
        self.starts_at: datetime = record["start_datetime"]
        self.cancelled_at: datetime | None = record["cancelled_at"]
        self.of_representation = {name: record[name] for name in OF_REPRESENTATION}
        self.max_quantity_per_order: int = record["max_quantity_per_order"]
        # No entry in turn has a larger minimum, and none is paused or set aside unless `has_paused`.
        self.largest_minimum, self.has_paused = record["largest_minimum"] or 0, record["has_paused"]
        # How many ready entries keep their place for the rest, and how many tickets they want.
        self.rests, self.rest_tickets = (int(record[name]) for name in ("rests", "rest_tickets"))
        self.draft: bool = record["draft"]
        """Whether the event is a draft, whose lists fans cannot join."""
        self.timezone, self.gateway_id = str(record["timezone"]), record["gateway_id"]
        self.webhooks: dict[str, str] = dict(
            zip(record["webhook_ids"] or (), record["webhook_types"] or (), strict=True)
        )
        """The organization's enabled webhooks, with the types that each wants; an empty text means all."""
        self.sends_mail: bool = record["sends_mail"]
        """Whether some worker of this deployment sends e-mails, whatever this process knows of mail servers."""
        self.news: list[News] = []
        """The changes around the list that its history has learned of, in order."""
        self.moved_holds: list[tuple[EntryRow, datetime, int]] = []
        """The holds whose deadline moved with the list's end, with the old one and the change's sequence."""
        self.changes: list[EntryChange] = []
        """The changes of entries, in order."""
        self.contacts = EntryContacts(
            connection, row, self.now, secret=secret, flush=self.flush, now_of=self._now_of
        )
        self.join_limit = JoinLimit(connection, row.list_id, self.now, self.flush)
        """When fans may join again."""
        self.other_places = OtherPlaces(
            connection,
            list_id=row.list_id,
            event_id=row.event_id,
            maximum=record["max_places_per_person"],
            secret=secret,
        )
        """How many places persons have in the event's other lists, if the event has a limit."""
        self.wishes = Wishes(connection, row.list_id, row.organization_id, self.now)
        self.actor: str = CLOCK
        """The actor that the history names for changes of the current request."""
        self.promoted: list[EntryRow] = []
        """The entries that the current request has made ready, in order."""
        self.revoked: list[EntryRow] = []
        """The entries whose hold the current request has revoked, the newest hold first."""
        self.needs_promotion = False
        """Whether a change may have made the free tickets fit the next in line."""
        self._known_from, self._settings = row.last_rank, list_settings(row)
        self._entries: dict[int, EntryRow] = {}
        self._latest: dict[str, EntryRow | None] = {}
        self._new: dict[int, EntryRow] = {}
        self._changed: dict[int, Status] = {}
        self._segments = SegmentChanges()
        self._history: list[tuple[int, str, str, int | None, str | None, str, str | None]] = []

    @classmethod
    async def open(
        cls, connection: Connection, key: ListKey, *, now: datetime | None, secret: bytes = b""
    ) -> Self | None:
        """Lock the list and read it; return None if it does not exist."""
        await lock_list(connection, key.list_id)
        return await cls.read_locked(connection, key, (), now, secret)

    @classmethod
    async def read_locked(
        cls, connection: Connection, key: ListKey, users: Collection[str], now: datetime | None, secret: bytes
    ) -> Self | None:
        """Read a locked list, and the latest entry of each of these users; return None if it does not exist.

        `secret` is the deployment's `derived` one; callers that write contacts must give it. Without `now`, the
        statement reads the database clock. In the locking statement, PostgreSQL could read the clock before the
        wait, and would see no row that was committed during the wait.
        """
        record = await connection.fetchrow(sql("read_locked_list"), key.list_id, now, list(users))
        if record is None:
            return None
        locked = cls(connection, record, secret)
        columns = (record[name] or () for name in ENTRY_COLUMNS)
        rows = (dict(zip(ENTRY_COLUMNS, values, strict=True)) for values in zip(*columns, strict=True))
        locked._note_latest(users, rows)
        return locked

    def begin(self, actor: str) -> None:
        """Begin the next request of the batch, for this actor."""
        self.actor, self.promoted, self.revoked = actor, [], []

    @property
    def most_held(self) -> int:
        """Return how many tickets one entry can be held: as many as one order may have, and as there are."""
        return min(self.max_quantity_per_order, self.list.total_stock)

    @property
    def in_line(self) -> int:
        """Return how many entries have a place in line."""
        return self.list.waiting + self.rests

    @property
    def passes_over_some(self) -> bool:
        """Return whether promotion may have to pass over entries, whatever the policy of the list."""
        return self.list.skips_addresses or self.has_paused or self.largest_minimum > self.most_held

    @property
    def passes_over(self) -> bool:
        """Return whether promotion may pass over the first in line, whoever that is."""
        return self.list.policy is Policy.SKIP or self.passes_over_some

    def learn(
        self, verb: str, actor: str, change_id: UUID, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Record a change around the list, which its caller has made already, in the history."""
        kept, self.actor = self.actor, actor
        self._write_history(verb, None, before, after)
        self.actor = kept
        self.news.append(News(change_id, verb, self.list.last_sequence, before, after))

    async def note_moved_holds(self, ended_at: datetime) -> None:
        """Note which holds have another deadline than while the list ended at `ended_at`."""
        if ended_at == self.ends_at or not self.list.held:
            return
        for entry in await self.read("read_ready_entries"):
            before = min(entry.ready_until or ended_at, ended_at)
            if before != self.deadline(entry):
                self.moved_holds.append((entry, before, self.list.last_sequence))

    async def load_latest(self, user_ids: Iterable[str]) -> None:
        """Read the latest entry of each of these users, with one statement."""
        missing = [user_id for user_id in user_ids if user_id not in self._latest]
        if not missing:
            return
        list_id, unique = self.list.list_id, sorted(set(missing))
        self._note_latest(unique, await self.connection.fetch(sql("read_latest_entries"), list_id, unique))

    def _note_latest(self, user_ids: Iterable[str], rows: Iterable[Record | Mapping[str, Any]]) -> None:
        self._latest.update(dict.fromkeys(user_ids))
        for row in rows:
            entry = self._known(row)
            assert entry.user_id is not None
            self._latest[entry.user_id] = entry

    async def latest(self, user_id: str) -> EntryRow | None:
        """Return the newest entry of a user in this list; None if the user never joined."""
        await self.load_latest([user_id])
        return self._latest[user_id]

    async def load_join_limit(self, user_ids: Iterable[str]) -> None:
        """Read when each of these users may join again, with one statement.

        Call `load_latest` first, so that users who never joined need no statement.
        """
        await self.join_limit.load(user_id for user_id in user_ids if self._latest.get(user_id) is not None)

    def forget(self, user_id: str) -> None:
        """Forget the entries of a user who was erased."""
        self._latest[user_id] = None
        self.join_limit.forget(user_id)

    async def read(self, statement: str, *arguments: Any) -> list[EntryRow]:
        """Return entries of this list from a statement whose first parameter is the list.

        If changes of entries are pending, the call writes them first, so that the statement sees them.
        """
        if self._new or self._changed:
            await self.flush()
        records = await self.connection.fetch(sql(statement), self.list.list_id, *arguments)
        return [self._known(record) for record in records]

    def _known(self, record: Record | Mapping[str, Any]) -> EntryRow:
        # One object for each entry, because two verbs of one batch must not change two copies.
        number = record["number"]
        if number not in self._entries:
            self._entries[number] = EntryRow.from_record(record)
        return self._entries[number]

    def join(self, *, user_id: str | None, tickets_wanted: int, tickets_minimum: int, **more: Any) -> EntryRow:
        """Append a new entry with the next number; `more` sets fields of JOINED_ALSO_WITH."""
        number = self.list.last_number + 1
        entry = EntryRow(
            number=number,
            user_id=user_id,
            tickets_wanted=tickets_wanted,
            tickets_minimum=tickets_minimum,
            rank=joining_rank(number, self.list.last_rank),
            joined_at=self.now,
            **more,
        )
        self.list.last_number, self.list.last_rank = number, entry.rank
        # A join behind others can only fit free tickets if promotion may pass over the first in line.
        if self.list.waiting == 0 or (self.passes_over and entry.tickets_minimum <= self.list.free):
            self.needs_promotion = True
        self._count(entry, 1, changed=0)
        self._entries[number] = self._new[number] = entry
        self.wishes.note(entry, entry.status, None, "join")
        if user_id is not None:
            self._latest[user_id] = entry
            self.join_limit.forget(user_id)
        recorded = (*JOINED_WITH, *(name for name in JOINED_ALSO_WITH if getattr(entry, name)))
        self._write_history("join", entry, None, {name: getattr(entry, name) for name in recorded})
        return entry

    def hand_over(self, entry: EntryRow, user_id: str) -> None:
        """Let an active entry belong to another user. The caller records that, without names, then flushes."""
        self._latest.pop(entry.user_id or "", None)  # may have an earlier entry
        self._latest[user_id] = entry
        self._changed.setdefault(entry.number, entry.status)
        entry.user_id = user_id

    def requeue(self, left: EntryRow) -> EntryRow:
        """Append a new entry for the user of one that has left, with the same tickets wanted and contact."""
        more = {name: getattr(left, name) for name in JOINED_ALSO_WITH} | {"requeued": left.requeued + 1}
        wish = {"tickets_wanted": left.tickets_wanted, "tickets_minimum": left.tickets_minimum}
        again = self.join(user_id=left.user_id, **wish, **more)
        self.contacts.requeued[left.number] = again.number
        return again

    def record(
        self,
        verb: str,
        entry: EntryRow | None = None,
        /,
        on_list: Mapping[str, Any] | None = None,
        reason: str | None = None,
        noted: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> None:
        """Set fields of an entry (`changes`) and of the list (`on_list`), as one change in the history.

        The row keeps the `reason` and what is `noted`; without a change there is none. Counters follow.
        """
        before: dict[str, Any] = {}
        after: dict[str, Any] = dict(noted or {})
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
            was_in_line, was, had = entry.in_line, entry.status, entry.wish_id
            sequence = self.list.last_sequence + 1
            self._count(entry, -1, changed=sequence)
            for name, value in changes.items():
                setattr(entry, name, value)
            self._count(entry, 1, changed=sequence)
            self.wishes.note(entry, was, had, verb)
            self.list.last_rank = max(self.list.last_rank, entry.rank)
            self.needs_promotion |= was_in_line
        for name, value in (on_list or {}).items():
            setattr(self.list, name, value)
        self.needs_promotion |= self.list.free > free or "total_stock" in after
        self._write_history(verb, entry, before, after, reason)
        if not STOCK.isdisjoint(after):
            self.list.version = self.list.last_sequence

    async def reload_ranks(self) -> None:
        """Read the ranks of the entries in memory anew, because a statement has changed them all."""
        known = self._entries
        for one in await self.connection.fetch(sql("read_ranks"), self.list.list_id, [*known]):
            known[one["number"]].rank = one["rank"]

    def append_history(self, verb: str, noted: Mapping[str, Any], reason: str | None) -> None:
        """Write a row of the history about what changes no field of the list or of an entry."""
        self._write_history(verb, None, None, noted, reason)

    def _count(self, entry: EntryRow, sign: int, *, changed: int) -> None:
        # A join at the end moves no entry within the segment, so `changed` is 0.
        if entry.status is Status.WAITING:
            self.largest_minimum = max(self.largest_minimum, entry.tickets_minimum)
            self.has_paused |= entry.paused_at is not None or entry.set_aside_at is not None
            self.list.waiting += sign
            self.list.tickets_waiting += sign * entry.tickets_wanted
        elif entry.is_rest:
            self.rests += sign
            self.rest_tickets += sign * entry.tickets_missing
        else:
            return
        self._segments.count(entry, sign, changed=changed)

    def _write_history(
        self,
        verb: str,
        entry: EntryRow | None,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any],
        reason: str | None = None,
    ) -> None:
        sequence = self.list.last_sequence = self.list.last_sequence + 1
        if entry is not None:
            promoted = verb in ("grant", "top_up") or (verb == "promote" and "status" in after)
            self.changes.append(EntryChange(sequence, verb, self.actor, entry, promoted, entry.status))
        number, old = entry.number if entry else None, None if before is None else as_json(before)
        self._history.append((sequence, self.actor, verb, number, old, as_json(after), reason))

    async def flush(self) -> None:
        """Write the pending changes with one statement, and contacts of new entries with others.

        Raises AssertionError, which rolls back, if a row is not in the state that was read. The lock excludes it.
        """
        if not (self._history or self._changed):
            return
        changed = {n: status for n, status in self._changed.items() if n not in self._new}
        parts = change_arrays(
            self.list,
            changed=((self._entries[number], status) for number, status in changed.items()),
            new=self._new.values(),
            segments=self._segments.take(),
            history=with_leaves(self.list.list_id, self.now, self._history),
        )
        if has_citus(self.connection):
            wrote = await write_by_parts(self.connection, self.list.list_id, self.now, *parts)
        else:
            at_once = (self.list.list_id, self.now, *chain.from_iterable(parts))
            wrote = tuple(await self.connection.fetchrow(sql("write_changes"), *at_once) or ())
        assert wrote == (len(changed), 1), f"{wrote} of {len(changed)} entries and one list"
        if (settings := list_settings(self.list)) != self._settings:
            await self.connection.execute(sql("write_settings"), self.list.list_id, *settings)
            self._settings = settings
        if self._new:
            await self.contacts.write(self._new)
        await self.wishes.write()
        self._new.clear()
        self._changed.clear()
        self._history.clear()

    def _now_of(self, number: int) -> int | None:
        entry = self._entries.get(number := self.contacts.requeued.get(number, number))
        return None if entry and entry.status is Status.LEFT else number

    async def views(self, rows: Iterable[EntryRow]) -> dict[int, Entry]:
        """Return these entries as clients see them, by number, with exact positions."""
        shown = {row.number: row for row in rows}
        # All entries behind the last rank of the locked list are in memory, so that new entries need no read.
        known = (r for r in self._entries.values() if r.in_line and r.rank > self._known_from)
        places = last_places(known, self.in_line, self.list.tickets_waiting + self.rest_tickets)
        if others := [n for n, row in shown.items() if row.in_line and n not in places]:
            await self.flush()
            for record in await self.connection.fetch(sql("read_places"), self.list.list_id, others):
                places[record["number"]] = record["position"], record["tickets_ahead"]
        return {
            number: entry_view(self.list, row, until=self.deadline(row), place=places.get(number))
            for number, row in shown.items()
        }
