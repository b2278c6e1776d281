"""Replay the changes of one entry, in order, and check that each can come next. No I/O here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from waiting_list.audit.draw_replay import DrawReplay
from waiting_list.audit.instants import wrong_instant
from waiting_list.audit.recorded_change import ENTRY_FIELDS, REPLAYED_FIELDS, Row, check_before
from waiting_list.audit.report import Check, Difference
from waiting_list.lists.events import VERBS
from waiting_list.lists.models import Status

_EMPTY: Mapping[str, Any] = dict.fromkeys(REPLAYED_FIELDS) | {
    "tickets_held": 0,
    "passed_over": 0,
    "unverified": False,
    "requeued": 0,
    "keep_waiting_for_rest": False,
    "address_failed": False,
    "paused_at": None,
    "wish_id": None,
    "set_aside_at": None,
}

_PAUSES = {
    "pause": "paused_at",
    "unpause": "paused_at",
    "set_aside": "set_aside_at",
    "bring_back": "set_aside_at",
}
"""The verbs that keep an entry back for a while, and let it count again: the field of each."""


@dataclass(slots=True)
class EntryReplay:
    """The state of one entry after its changes so far."""

    number: int
    fields: dict[str, Any] = field(default_factory=dict)
    erased: bool = False
    checked_out: bool = False
    """Whether the present hold was extended for a checkout."""
    last_sequence: int = 0
    transferred: bool = False
    """Whether its first user gave it to another person."""
    draw: DrawReplay = field(default_factory=DrawReplay)
    """The draw of the list, which gives the entry another rank."""
    turns: int = 0
    """How often the entry has become ready, without the holds that were revoked."""
    purchases: int = 0

    def fold(self, row: Row) -> None:
        """Apply the next change of this entry. Raises Difference if it cannot come next."""
        self.pass_draw(row.sequence)
        was = self.fields.get("status")
        keeps_rest = self.fields.get("keep_waiting_for_rest", False)
        if not self.fields and row.verb == "join":
            self.fields = {**_EMPTY, **row.after, "joined_at": row.at}
        elif self.fields:
            check_before(row, self.fields, ENTRY_FIELDS)
            self.fields.update({name: value for name, value in row.after.items() if name in REPLAYED_FIELDS})
        now, reason = self.fields.get("status"), self.fields.get("left_reason")
        leaves = VERBS[row.verb].left_reason if row.verb in VERBS and now is Status.LEFT else None
        again = row.verb == "transfer" and self.transferred
        if self.erased or again or not _is_allowed(row, was, now, keeps_rest) or reason != (leaves or reason):
            raise self._differs(
                Check.TRANSITION,
                row,
                f"took entry {self.number} from {was or 'nowhere'} to {now or 'nowhere'}"
                f"{f' ({reason})' if reason else ''}{', erased,' if self.erased else ''} "
                "which the rules do not allow.",
                found=[was, now, reason],
            )
        self.erased, self.last_sequence = row.verb == "erase", row.sequence
        self.transferred |= row.verb == "transfer"
        self.turns += (now is Status.READY is not was) - (row.verb == "revoke")
        self.purchases += row.verb == "buy"
        self.checked_out = self.checked_out and now is was
        self._check_instants(row)
        wanted, minimum, held = (self.fields[f"tickets_{name}"] for name in ("wanted", "minimum", "held"))
        if not 1 <= minimum <= wanted or not (minimum <= held <= wanted if now is Status.READY else held == 0):
            raise self._differs(
                Check.HOLDING,
                row,
                f"left entry {self.number} {now} with {held} tickets held, wanting {minimum} to {wanted}.",
                expected="minimum <= held <= wanted while ready, else 0",
                found=held,
            )

    def pass_draw(self, sequence: float = float("inf")) -> None:
        """Take the rank of the draw, if it came between the last change and the next one."""
        rank = self.draw.rank_of(self.number)
        if self.fields and rank is not None and self.last_sequence < self.draw.sequence < sequence:
            self.fields["rank"] = rank

    def _check_instants(self, row: Row) -> None:
        until, used = self.fields["ready_until"], self.checked_out
        wrong = wrong_instant(row.verb, row.at, row.before or {}, row.after, until=until, checked_out=used)
        if wrong:
            sentence = wrong.sentence.format(entry=f"entry {self.number}")
            raise self._differs(wrong.check, row, sentence, expected=wrong.expected, found=wrong.found)
        self.checked_out |= row.verb == "checkout"

    def _differs(
        self, check: Check, row: Row, sentence: str, *, expected: Any = None, found: Any = None
    ) -> Difference:
        return Difference(
            check,
            f"Change {row.sequence} ({row.verb}) {sentence}",
            sequence=row.sequence,
            number=self.number,
            expected=expected,
            found=found,
        )


def _is_allowed(row: Row, was: Status | None, now: Status | None, keeps_rest: bool) -> bool:
    known = VERBS.get(row.verb)
    # A move to the end of the line starts to count anew.
    moves_wrong = row.verb == "move" and row.after.get("passed_over", 0) != 0
    if known is None or (was, now) not in known.moves or moves_wrong:
        return False
    if row.verb == "change" and now is Status.READY and row.after.keys() != {"keep_waiting_for_rest"}:
        return False
    if (name := _PAUSES.get(row.verb)) is not None:
        return (row.after[name] is not None) == (row.verb in ("pause", "set_aside"))
    if row.verb == "buy" and now is Status.WAITING:  # it bought all that was held, and waits for the rest
        bought = row.grew("available_stock")
        return keeps_rest and row.grew("tickets_held") == row.grew("tickets_wanted") == bought
    if row.verb == "top_up":
        return keeps_rest
    # `promote` makes an entry ready, or notes that it was passed over.
    return row.verb != "promote" or (now is Status.WAITING) == ("passed_over" in row.after)
