"""Replay a draw: check what its change says, and compute every lot from it. No I/O here."""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any

from waiting_list.audit.recorded_change import Row
from waiting_list.audit.report import Check, Difference, format_value
from waiting_list.lists.draws import DRAND, LEDGER, drand_round, drawn_rank, lot_of, seed_of
from waiting_list.lists.setting_values import Order

_FALLBACK_AFTER = timedelta(hours=24)
_ANNOUNCED = ("order", "draw_source", "draw_commitment")


@dataclass(slots=True)
class DrawReplay:
    """The draw of a list, as far as its changes have come."""

    sequence: int = 0
    """The change that drew the lots; 0 before."""
    ranks: "array[int]" = field(default_factory=lambda: array("q"))
    """The rank that each entry got, by number; 0 for those that had left."""
    joined_before: int = 0
    """The last number that joined before `draw_at`."""

    def rank_of(self, number: int) -> int | None:
        """Return the rank that an entry got by lot; None if it got none."""
        return (self.ranks[number] or None) if number < len(self.ranks) else None

    def join(self, row: Row, number: int, fields: Mapping[str, Any]) -> None:
        """Note who joins in time."""
        if fields["draw_at"] is not None and row.at < fields["draw_at"]:
            self.joined_before = number

    def configure(self, row: Row, last_number: int, fields: Mapping[str, Any]) -> None:
        """Check that a change of settings leaves a draw as announced. The fields are those before it."""
        changed = [name for name in _ANNOUNCED if name in row.after]
        known = fields.get("draw_at")
        late = known is None or known <= row.at or row.after.get("draw_at", row.at) <= row.at
        if last_number and fields["order"] is Order.DRAW and "draw_at" in row.after and late:
            changed.append("draw_at")
        if (last_number or self.sequence) and changed:
            raise _differs(
                row, f"changed {changed[0]} after a fan had joined, or after the draw was due.", found=changed
            )

    def draw(self, row: Row, fields: Mapping[str, Any], active: Iterable[int]) -> "array[int]":
        """Check the draw, and return the numbers in the order of their lots. The fields are those before it."""
        after, at = row.after, fields["draw_at"]
        if (
            self.sequence
            or fields["order"] is not Order.DRAW
            or at is None
            or not at <= row.at == after["drawn_at"]
        ):
            raise _differs(row, f"drew lots that could be drawn once, from {format_value(at)} on.", found=row.at)
        secret, randomness = bytes.fromhex(after["draw_secret"]), after["draw_randomness"]
        if sha256(secret).hexdigest() != fields["draw_commitment"]:
            raise _differs(row, "drew lots with another secret than the one that was committed to.")
        if after["drawn_through"] != self.joined_before:
            last = self.joined_before
            raise _differs(
                row,
                f"drew lots up to number {after['drawn_through']}; the last to join in time was {last}.",
                expected=self.joined_before,
                found=after["drawn_through"],
            )
        right = not randomness.startswith(LEDGER) or row.at >= at + _FALLBACK_AFTER
        if "draw_round" in after:
            signed = sha256(bytes.fromhex(after["draw_signature"])).hexdigest() == randomness
            right = right and fields["draw_source"] == DRAND and after["draw_round"] == drand_round(at) and signed
        if not right:
            raise _differs(row, "drew lots with randomness that was not to be used then.", found=randomness)
        seed = seed_of(secret, randomness)
        numbers = [number for number in active if number <= self.joined_before]
        numbers.sort(key=lambda number: lot_of(seed, number))
        self.sequence, self.ranks = row.sequence, array("q", bytes(8 * (self.joined_before + 1)))
        for place, number in enumerate(numbers, 1):
            self.ranks[number] = drawn_rank(place)
        return array("q", numbers)


def _differs(row: Row, sentence: str, *, expected: Any = None, found: Any = None) -> Difference:
    return Difference(
        Check.DRAW,
        f"Change {row.sequence} ({row.verb}) {sentence}",
        sequence=row.sequence,
        expected=expected,
        found=found,
    )
