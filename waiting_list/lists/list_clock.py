"""What the clock and the dates around a locked list decide: its end, its state, and the deadlines of holds."""

from datetime import datetime
from typing import Any

from waiting_list.lists.holds import hold_until
from waiting_list.lists.list_state import ListState, ListStatus, list_state
from waiting_list.lists.models import Status
from waiting_list.lists.rows import EntryRow, ListRow
from waiting_list.lists.settings_models import ListSettings

OF_REPRESENTATION = ("start_datetime", "cancelled_at", "cancelled_reason", "draft")
"""What the state of a list needs of its show, besides the list's own row."""


class ListClock:
    """The part of a locked list that looks at the clock."""

    list: ListRow
    was: ListRow
    now: datetime
    starts_at: datetime
    cancelled_at: datetime | None
    timezone: str
    of_representation: dict[str, Any]

    @property
    def ends_at(self) -> datetime:
        """Return when the list ends: when the show begins or is cancelled, or at an earlier `closes_at`."""
        own, cancelled_at = self.list.closes_at, self.cancelled_at
        return min(own or self.starts_at, cancelled_at or self.starts_at, self.starts_at)

    @property
    def state(self) -> ListState:
        """Return whether fans can join, and why not."""
        return self._state_of(self.list)

    @property
    def opens(self) -> bool:
        """Return whether fans can join after this transaction, and could not before it."""
        is_open, was_open = (self._state_of(row).list_state is ListStatus.OPEN for row in (self.list, self.was))
        return is_open and not was_open

    @property
    def settings(self) -> ListSettings:
        """The settings, as clients see them."""
        return self.list.settings.model_copy(update=self.state._asdict())

    def _state_of(self, row: ListRow) -> ListState:
        return list_state(
            lambda name: self.of_representation[name] if name in OF_REPRESENTATION else getattr(row, name),
            self.now,
        )

    @property
    def ended(self) -> bool:
        """Return whether the show has begun, or the list has closed for good."""
        return self.now >= self.ends_at

    def deadline(self, entry: EntryRow) -> datetime:
        """Return until when the fan of a ready entry can buy: at most until the end of the list.

        The deadline of an entry that has left no longer depends on the end of the list.
        """
        if entry.status is Status.LEFT and entry.ready_until is not None:
            return entry.ready_until
        return min(entry.ready_until or self.ends_at, self.ends_at)

    def new_hold(self, entry: EntryRow) -> dict[str, Any]:
        """Return since when and until when tickets are held for an entry that is given some now.

        A hold that grows keeps its beginning, and so its purchase pass, and gets the later of both deadlines.
        """
        until = self.hold_until()
        if entry.status is not Status.READY:
            return {"ready_at": self.now, "ready_until": until}
        later = max(until, entry.ready_until) if until and entry.ready_until else None
        return {"ready_at": entry.ready_at, "ready_until": later}

    def hold_until(self) -> datetime | None:
        """Return the deadline of a hold that begins now, by the list's rules; None if it has none.

        It may be after the end of the list; `deadline` cuts it there.
        """
        row = self.list
        return hold_until(
            self.now,
            hold_minutes=row.hold_minutes,
            hold_steps=row.hold_steps,
            quiet_from=row.quiet_from,
            quiet_until=row.quiet_until,
            timezone=self.timezone,
            starts_at=self.starts_at,
        )
