"""Check each undo of a fan's change: that it restores exactly what that change had replaced. No I/O here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from waiting_list.audit.recorded_change import Row
from waiting_list.audit.report import Check, Difference
from waiting_list.lists.events import SERVES
from waiting_list.lists.verbs.undo import TAKEN_BACK_WITHIN


class _Newest(NamedTuple):
    sequence: int
    at: datetime
    moved: bool
    before: Mapping[int, Mapping[str, Any]]
    """What the entry had before the changes from this sequence on, up to the newest."""


@dataclass(slots=True)
class UndoableChanges:
    """The newest change of each entry, until tickets go to any fan."""

    newest: dict[int, _Newest] = field(default_factory=dict)
    """By number."""

    def follow(self, row: Row) -> None:
        """Take the next change that is no join. Raises Difference if it undoes what it cannot.

        The rows do not say who moved an entry, so a change right after its move may stand for itself, or with it.
        """
        if row.verb in SERVES:
            self.newest.clear()
        if row.number is None or row.verb not in ("move", "change"):
            return
        number = row.number
        last, undoes = self.newest.pop(number, None), row.after.get("undoes")
        before = dict(row.before or {})
        if undoes is None:
            earlier = last.before if last and last.moved and last.sequence == row.sequence - 1 else {}
            both = {first: {**was, **before} for first, was in earlier.items()} if row.verb == "change" else {}
            self.newest[number] = _Newest(row.sequence, row.at, row.verb == "move", both | {row.sequence: before})
            return
        restored = {name: value for name, value in row.after.items() if name != "undoes"}
        in_time = last is not None and row.at - last.at < TAKEN_BACK_WITHIN
        if last is None or not in_time or last.before.get(undoes) != restored:
            raise Difference(
                Check.TRANSITION,
                f"Change {row.sequence} undoes change {undoes} of entry {number}, but not exactly and in time.",
                sequence=row.sequence,
                number=number,
                expected=last and last.before.get(undoes),
                found=restored,
            )
