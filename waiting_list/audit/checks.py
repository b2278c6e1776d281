"""The checks of the audit: compare a list, its entries and their totals with the replay. No I/O here."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

from waiting_list.audit.entry_replay import EntryReplay
from waiting_list.audit.recorded_change import REPLAYED_FIELDS
from waiting_list.audit.replay import ListReplay
from waiting_list.audit.report import Check, Difference, format_value
from waiting_list.lists.models import LeftReason, Status
from waiting_list.lists.ranks import SEGMENT_LEVELS
from waiting_list.lists.rows import CREATED_WITH
from waiting_list.lists.setting_values import Order, Policy

_ENTRY_NAMES = sorted(REPLAYED_FIELDS)
_entry_values = itemgetter(*_ENTRY_NAMES)
_IN_LINE = ("rank", "tickets_wanted", "tickets_minimum", "tickets_held", "status", "ready_until")
_COUNTED_AS = {
    LeftReason.EXPIRED: "expiries",
    LeftReason.CANCELLED: "departures",
    LeftReason.REMOVED: "departures",
}


@dataclass(slots=True)
class Tally:
    """The totals of a list's entries, according to their changes."""

    only_verified: bool = False
    """Whether promotion skips fans with an unverified address."""
    skips_failed: bool = False
    """Whether promotion skips fans with an address that failed."""
    most_held: int | None = None
    """How many tickets one entry can be held; promotion skips fans with a larger minimum. None: any number."""
    at: datetime | None = None
    """When the list last changed; a hold that had lapsed by then gets no more tickets."""
    waiting: int = 0
    tickets_waiting: int = 0
    held: int = 0
    segments: defaultdict[tuple[int, int], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    first: tuple[int, int, int, int] | None = None
    """(rank, number, minimum, passed over) of the first entry that can be promoted."""
    least: tuple[int, int] | None = None
    """(minimum, number) of the entry that needs the fewest tickets."""

    kept: Counter[str] = field(default_factory=Counter)
    """What the kept counts of the list must add up to."""

    def count(self, entry: EntryReplay) -> None:
        """Add an entry after its last change."""
        self.held += entry.fields["tickets_held"]
        self.kept["joins"] += 1
        self.kept["waits"] += entry.turns
        self.kept["purchases"] += entry.purchases
        if entry.fields["status"] is Status.LEFT:
            self.kept["tickets_left"] += entry.fields["tickets_wanted"]
            self.kept[_COUNTED_AS.get(entry.fields["left_reason"], "")] += 1
        rank, wanted, minimum, held, status, until = (entry.fields[name] for name in _IN_LINE)
        is_rest = status is Status.READY and entry.fields["keep_waiting_for_rest"] and held < wanted
        if status is not Status.WAITING and not is_rest:
            return
        if not is_rest:
            self.waiting += 1
            self.tickets_waiting += wanted
        for bits in SEGMENT_LEVELS:
            segment = self.segments[bits, rank >> bits]
            segment[0] += 1
            segment[1] += wanted - held
        if is_rest:
            lapsed = until is not None and self.at is not None and until <= self.at
            skipped, minimum = lapsed, 1
        else:
            skipped = self.only_verified and entry.fields["unverified"]
            skipped = skipped or (self.skips_failed and entry.fields["address_failed"])
            skipped = skipped or any(entry.fields[name] is not None for name in ("paused_at", "set_aside_at"))
        if skipped or (self.most_held is not None and held + minimum > self.most_held):
            return
        head = (rank, entry.number, minimum, entry.fields["passed_over"])
        self.first = min(self.first or head, head)
        self.least = min(self.least or (minimum, entry.number), (minimum, entry.number))


def check_list(replay: ListReplay, table: Mapping[str, Any]) -> None:
    """Compare a list's stock, settings and last numbers with their replay. Raises Difference."""
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
    """Compare an entry with the table's next row, which has `erased` in place of the user. Raises Difference."""
    if table is None or table["number"] > entry.number:
        raise Difference(
            Check.ENTRY,
            f"Entry {entry.number} joined, but is missing from the table of entries.",
            number=entry.number,
            expected=entry.number,
        )
    if table["number"] < entry.number:
        raise entry_without_join(table["number"])
    if _entry_values(entry.fields) != _entry_values(table):
        for name in _ENTRY_NAMES:
            what = f"{name} of entry {entry.number}"
            _compare(Check.ENTRY, what, entry.fields[name], table[name], entry.number)
    if entry.erased != table["erased"]:
        raise Difference(
            Check.ERASED,
            f"Entry {entry.number} names a person who was erased."
            if entry.erased
            else f"Entry {entry.number} has no user, but the person was not erased.",
            number=entry.number,
            expected=entry.erased,
            found=table["erased"],
        )


def entry_without_join(number: int) -> Difference:
    """Return the difference for an entry of the table that the history does not have."""
    return Difference(
        Check.ENTRY,
        f"The table of entries has entry {number}, which never joined.",
        number=number,
        found=number,
    )


def check_tally(tally: Tally, table: Mapping[str, Any], segments: Iterable[tuple[int, int, int, int]]) -> None:
    """Compare the list's counters and segments (bits, segment, waiting, tickets) with the totals of its entries.
    Raises Difference."""
    _compare(Check.HELD, "held of the list", tally.held, table["held"])
    for name in ("waiting", "tickets_waiting"):
        _compare(Check.COUNTER, f"{name} of the list", getattr(tally, name), table[name])
    expected = dict(tally.segments)
    for bits, segment, *counts in segments:
        what = f"count of segment {segment} of {bits} bits"
        _compare(Check.SEGMENT, what, expected.pop((bits, segment), [0, 0]), counts)
    for (bits, segment), counts in sorted(expected.items()):
        _compare(Check.SEGMENT, f"count of segment {segment} of {bits} bits", counts, [0, 0])


def check_counts(tally: Tally, counts: Mapping[str, int]) -> None:
    """Compare the counts of the list's statistics with the totals of its entries. Raises Difference."""
    expected = tally.kept | {"tickets_waiting": tally.tickets_waiting, "tickets_held": tally.held}
    for name, found in counts.items():
        _compare(Check.COUNTER, f"kept count of {name}", expected.get(name, 0), found)


def check_users(repeated: tuple[int, ...]) -> None:
    """Check that no two active entries, given by number, have the same user. Raises Difference."""
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
    """Check that the free tickets are not enough for the next entry in line, by the policy of the list.

    It applies to a list that promotes automatically, is drawn if it is drawn by lot, and has not ended. Raises
    Difference.
    """
    if table["order"] == Order.DRAW and table["drawn_at"] is None:
        return
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
