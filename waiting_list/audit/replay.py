"""Replay the history of one list: check what each change may contain, and add the changes up. No I/O here.

`ListReplay` takes every change in order and follows the list; it raises a Difference for a change that cannot come
next. `EntryReplay` (audit/entry_replay.py) follows one entry.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from waiting_list.audit.draw_replay import DrawReplay
from waiting_list.audit.queue_order import WaitingQueue
from waiting_list.audit.recorded_change import AROUND_FIELDS, LIST_FIELDS, Row, check_before
from waiting_list.audit.report import Check, Difference, format_value
from waiting_list.audit.undone import UndoableChanges
from waiting_list.lists.models import Status
from waiting_list.lists.ranks import joining_rank
from waiting_list.lists.rows import ADDED_LATER
from waiting_list.lists.setting_values import Order, Policy

_BRING_BACK = frozenset({"total_stock", "order_limit", "skip_failed_addresses"})
"""The fields of a list whose change can make an entry fit that was passed over."""


@dataclass(slots=True)
class ListReplay:
    """The state of the list after the changes so far."""

    fields: dict[str, Any] = field(default_factory=lambda: dict(ADDED_LATER))
    around: dict[str, Any] = field(default_factory=dict)
    """What the changes of the catalogue around the list have said so far."""
    at: datetime | None = None
    last_sequence: int = 0
    last_number: int = 0
    last_rank: int = 0
    line: WaitingQueue = field(default_factory=WaitingQueue)
    """The entries that can be promoted under any setting."""
    unverified: WaitingQueue = field(default_factory=WaitingQueue)
    """The entries with an unverified address."""
    minimums: "array[int]" = field(default_factory=lambda: array("i", [0]))
    """The minimum of each entry, by number."""
    wanted: "array[int]" = field(default_factory=lambda: array("i", [0]))
    """How many tickets each entry wants, by number."""
    keepers: set[int] = field(default_factory=set)
    """The active entries that keep their place in line for the rest."""
    kept_holds: dict[int, tuple[int, datetime | None]] = field(default_factory=dict)
    """How many tickets are held for these, and until when, by number."""
    undoable: UndoableChanges = field(default_factory=UndoableChanges)
    """The changes that a fan could undo."""
    past_first: bool = False
    """Whether the changes are those of `idle`, which serves fans behind the first in line."""
    failed: set[int] = field(default_factory=set)
    """The entries whose address failed."""
    paused: set[int] = field(default_factory=set)
    """The entries that their fans have paused."""
    set_aside: set[int] = field(default_factory=set)
    """The entries for whose wish another list holds tickets."""
    drawn: DrawReplay = field(default_factory=DrawReplay)
    aside: dict[int, tuple[WaitingQueue, int]] = field(default_factory=dict)
    """Entries that stood first and were passed over, as no one can be held their minimum, their address failed
    or they were paused: their queue and rank, by number."""

    @property
    def most_held(self) -> int:
        """How many tickets one entry can be held. Older histories do not have the order limit."""
        total: int = self.fields["total_stock"]
        return min(self.fields["order_limit"] or total, total)

    def fold(self, row: Row) -> None:
        """Apply the next change. Raises Difference if it cannot come next."""
        sequence = self.last_sequence + 1
        if row.sequence != sequence:
            raise Difference(
                Check.SEQUENCE,
                f"Change {sequence} is missing from the history."
                if row.sequence > sequence
                else f"Change {row.sequence} is in the history twice.",
                sequence=min(sequence, row.sequence),
                expected=sequence,
                found=row.sequence,
            )
        if (row.verb == "create") != (row.sequence == 1):
            raise Difference(
                Check.CREATION,
                f"Change {row.sequence} is «{row.verb}»; a list is made by its first change only.",
                sequence=row.sequence,
                expected="create" if row.sequence == 1 else None,
                found=row.verb,
            )
        self.last_sequence, self.at = row.sequence, row.at
        if row.verb not in ("promote", "top_up", "set_aside"):
            self.past_first = row.verb == "idle"
        if row.verb == "join":
            self._join(row)
            return
        check_before(row, self.fields, LIST_FIELDS)
        self.undoable.follow(row)
        if row.verb in ("settle", "idle"):
            self._check_idle(row)
        if row.verb == "transfer":
            self._check_transfer(row)
        if row.verb == "configure":
            self.drawn.configure(row, self.last_number, self.fields)
        if row.verb == "draw":
            self._draw(row)
        check_before(row, self.around, self.around.keys())
        self.around.update({name: value for name, value in row.after.items() if name in AROUND_FIELDS})
        self.fields.update({name: value for name, value in row.after.items() if name in LIST_FIELDS})
        if self.aside and not _BRING_BACK.isdisjoint(row.after):
            for number in list(self.aside):
                self._bring_back(number)
        self._check_stock(row)
        if row.number is not None:
            self._follow(row, row.number)

    def _check_idle(self, row: Row) -> None:
        """Check that free tickets wait for the first in line as long as the list says, and no shorter."""
        minutes, until, was = self.fields["idle_minutes"], row.after["idle_until"], self.fields["idle_until"]
        if row.verb == "settle":
            right = until is None or (minutes is not None and until == row.at + timedelta(minutes=minutes))
        else:
            right = until is None and was is not None and was <= row.at
        if not right:
            raise Difference(
                Check.DEADLINE,
                f"Change {row.sequence} ({row.verb}) of {format_value(row.at)} says that free tickets waited for "
                f"the first in line until {format_value(was)}, and wait until {format_value(until)}.",
                sequence=row.sequence,
                expected=minutes,
                found=until,
            )

    def _check_transfer(self, row: Row) -> None:
        if not self.fields["transfer"]:
            raise Difference(
                Check.TRANSITION,
                f"Change {row.sequence} (transfer) gives a place to another person: the list does not allow it.",
                sequence=row.sequence,
                number=row.number,
                expected=True,
                found=False,
            )

    def _draw(self, row: Row) -> None:
        for number in list(self.aside):
            self._bring_back(number)
        active = (number for line in (self.line, self.unverified) for number in line.active())
        lots = self.drawn.draw(row, self.fields, active)
        for line in (self.line, self.unverified):
            line.draw(lots, self.drawn.ranks)

    def _check_drawn(self, row: Row) -> None:
        undrawn = self.fields["order"] is Order.DRAW and self.fields["drawn_at"] is None
        if undrawn and row.verb in ("move", "promote", "top_up"):
            raise Difference(
                Check.DRAW,
                f"Change {row.sequence} ({row.verb}) is about the place of entry {row.number}, before the draw.",
                sequence=row.sequence,
                number=row.number,
            )

    def _check_stock(self, row: Row) -> None:
        total, available, held = (row.grew(name) for name in ("total_stock", "available_stock", "held"))
        right = held == row.grew("tickets_held")
        match row.verb:
            case "buy":
                right = right and 1 <= -available <= -held
            case "grant":
                right = right and held > 0 and total == available >= 0
            case "give_back":
                right = right and held < 0
            case "top_up":
                right = right and held > 0 and available == 0
            case "add_stock":
                right = available > 0
            case "remove_stock":
                right = available < 0
            case "add_total_stock":
                right = total == available > 0
            case "remove_total_stock":
                right = total == available < 0
        stock = {name: self.fields[name] for name in ("held", "available_stock", "total_stock")}
        if not right or not 0 <= stock["held"] <= stock["available_stock"] <= stock["total_stock"]:
            raise Difference(
                Check.STOCK,
                f"Change {row.sequence} ({row.verb}) leaves {stock['held']} held, {stock['available_stock']} "
                f"available and {stock['total_stock']} in all, which such a change cannot do.",
                sequence=row.sequence,
                number=row.number,
                expected="0 <= held <= available <= total, each changed as the verb says",
                found=stock | {"changed_by": {"total": total, "available": available, "held": held}},
            )

    def _join(self, row: Row) -> None:
        number = self.last_number + 1
        rank = joining_rank(number, self.last_rank)
        if (row.number, row.after["rank"]) != (number, rank):
            raise Difference(
                Check.NUMBER,
                f"Change {row.sequence}: the user who joined got number {row.number}, rank {row.after['rank']}. "
                f"The next were number {number}, rank {rank}.",
                sequence=row.sequence,
                number=row.number,
                expected=[number, rank],
                found=[row.number, row.after["rank"]],
            )
        self.last_number, self.last_rank = number, rank
        self.minimums.append(row.after["tickets_minimum"])
        self.wanted.append(row.after["tickets_wanted"])
        if row.after.get("keep_waiting_for_rest"):
            self.keepers.add(number)
        self._note_kept_back(row, number)
        self.drawn.join(row, number, self.fields)
        unverified = bool(row.after.get("unverified"))
        self.line.join(None if unverified else rank)
        self.unverified.join(rank if unverified else None)

    def _follow(self, row: Row, number: int) -> None:
        if not 1 <= number <= self.last_number:
            raise Difference(
                Check.TRANSITION,
                f"Change {row.sequence} ({row.verb}) is about entry {number}, which had not joined.",
                sequence=row.sequence,
                number=number,
                expected=f"1 … {self.last_number}",
                found=number,
            )
        self._bring_back(number)
        self.minimums[number] = row.after.get("tickets_minimum", self.minimums[number])
        self._note_kept_back(row, number)
        lines = self.line, self.unverified
        self._check_drawn(row)
        if "rank" in row.after:
            for line in lines:
                line.move(number, row.after["rank"])
            self.last_rank = max(self.last_rank, row.after["rank"])
        if "unverified" in row.after:
            source, target = lines if row.after["unverified"] else reversed(lines)
            source.hand_over(number, target)
        match row.after.get("status"):
            case Status.READY if row.verb == "grant":
                for line in lines:
                    line.hold(number)
            case Status.READY:
                self._promote(row, number)
            case None if row.verb == "top_up":
                self._check_turn(row, number, self._first_of([self.line, self.unverified], row.at), True)
            case Status.WAITING:
                for line in lines:
                    line.revoke(number)
            case Status.LEFT:
                for line in lines:
                    line.leave(number)
        self._follow_rest(row, number)

    def _note_kept_back(self, row: Row, number: int) -> None:
        kept_back = (
            ("address_failed", self.failed),
            ("paused_at", self.paused),
            ("set_aside_at", self.set_aside),
        )
        for name, numbers in kept_back:
            if name in row.after:
                (numbers.add if row.after[name] else numbers.discard)(number)

    def _follow_rest(self, row: Row, number: int) -> None:
        after = row.after
        self.wanted[number] = after.get("tickets_wanted", self.wanted[number])
        if "keep_waiting_for_rest" in after:
            (self.keepers.add if after["keep_waiting_for_rest"] else self.keepers.discard)(number)
        if number not in self.keepers or after.get("status", Status.READY) is not Status.READY:
            self.kept_holds.pop(number, None)
        elif not after.keys().isdisjoint(("tickets_held", "ready_until")):
            held, until = self.kept_holds.get(number, (0, None))
            self.kept_holds[number] = after.get("tickets_held", held), after.get("ready_until", until)

    def _promote(self, row: Row, number: int) -> None:
        only_verified = self.fields["verify_email"]
        eligible = [self.line] if only_verified else [self.line, self.unverified]
        first = self._first_of(eligible, row.at)
        stood, unverified = self.line.hold(number), self.unverified.hold(number)
        if only_verified and unverified:
            self._refuse_turn(row, number, first, "whose address was not verified")
        if self.fields["skip_failed_addresses"] and number in self.failed:
            self._refuse_turn(row, number, first, "whose address had failed")
        if number in self.paused:
            self._refuse_turn(row, number, first, "whose fan had paused it")
        if number in self.set_aside:
            self._refuse_turn(row, number, first, "for whose wish another list held tickets")
        self._check_turn(row, number, first, stood or unverified)

    def _check_turn(self, row: Row, number: int, first: tuple[int, int] | None, stood: bool) -> None:
        strict = self.fields["policy"] is Policy.STRICT and not self.past_first
        if row.verb != "grant" and row.after.get("tickets_held", 0) > self.most_held:
            self._refuse_turn(row, number, first, f"with more than {self.most_held} tickets")
        if strict and stood and first is not None and first[1] != number:
            self._refuse_turn(row, number, first, f"but entry {first[1]} stood first")

    def _refuse_turn(self, row: Row, number: int, first: tuple[int, int] | None, why: str) -> None:
        raise Difference(
            Check.ORDER,
            f"Change {row.sequence} made entry {number} ready, {why}.",
            sequence=row.sequence,
            number=number,
            expected=first and first[1],
            found=number,
        )

    def _first_of(self, lines: Iterable[WaitingQueue], at: datetime) -> tuple[int, int] | None:
        """Return rank and number of the first entry that can be held tickets, and set aside those before it."""
        lines = tuple(lines)
        while first := min(filter(None, (line.first() for line in lines)), default=None):
            rank, number = first
            has_failed = self.fields["skip_failed_addresses"] and number in self.failed
            is_kept_back = has_failed or number in self.paused or number in self.set_aside
            if self.minimums[number] <= self.most_held and not is_kept_back:
                break
            line = next(line for line in lines if line.take(number) is not None)
            self.aside[number] = line, rank
        return min(filter(None, (first, *self._rests(at))), default=None)

    def _rests(self, at: datetime) -> Iterable[tuple[int, int]]:
        """Yield rank and number of each entry that can be held more tickets."""
        for number, (held, until) in self.kept_holds.items():
            if held < min(self.wanted[number], self.most_held) and (until is None or until > at):
                ranks = (line.ready_rank(number) for line in (self.line, self.unverified))
                yield next(rank for rank in ranks if rank is not None), number

    def _bring_back(self, number: int) -> None:
        """Put an entry back that was set aside, because the reason may be gone."""
        if kept := self.aside.pop(number, None):
            line, rank = kept
            line.place(number, rank)
