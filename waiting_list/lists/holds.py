"""Compute the deadline of a hold by its list's rules, and the id of a hold. No I/O here.

Holds are shorter near the show, and never end in the quiet hours.
"""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


def hold_until(
    now: datetime,
    *,
    hold_minutes: int | None,
    hold_steps: Sequence[Sequence[int]],
    quiet_from: str | None,
    quiet_until: str | None,
    timezone: str,
    starts_at: datetime,
) -> datetime | None:
    """Return the deadline of a hold that begins now, in UTC; None if it has none.

    It is `effective_minutes` from now. If the event's clock then shows quiet hours, it is the first instant after
    them. Quiet hours begin at `quiet_from` and end at `quiet_until` ("HH:MM", both or none); they may span
    midnight. If the clock is set back, the first of two `quiet_until` counts. If the clock skips `quiet_until`,
    the change itself counts.

    So a deadline is never earlier than those minutes, and never in the quiet hours. Of two holds of the same
    length, the later one never has the earlier deadline. The caller cuts the deadline at the end of the list.
    """
    minutes = effective_minutes(
        now, hold_minutes=hold_minutes, hold_steps=hold_steps, timezone=timezone, starts_at=starts_at
    )
    if minutes is None:
        return None
    deadline = now.astimezone(UTC) + timedelta(minutes=minutes)
    if quiet_from is None or quiet_until is None:
        return deadline
    return after_quiet_hours(deadline, quiet_from, quiet_until, timezone)


def effective_minutes(
    now: datetime,
    *,
    hold_minutes: int | None,
    hold_steps: Sequence[Sequence[int]],
    timezone: str,
    starts_at: datetime,
) -> int | None:
    """Return the length of a hold that begins now, in minutes, without quiet hours; None if it has no deadline.

    A step is (days before the show, minutes). It applies when at most so many days of the event's calendar are
    left, and after the show. Of the steps that apply, the one with the fewest days counts. Without one,
    `hold_minutes` counts.
    """
    zone = ZoneInfo(timezone)
    days_left = (starts_at.astimezone(zone).date() - now.astimezone(zone).date()).days
    applying = [(days_before, minutes) for days_before, minutes in hold_steps if days_left <= days_before]
    return min(applying)[1] if applying else hold_minutes


def _time_of_day(text: str) -> timedelta:
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def after_quiet_hours(at: datetime, starts: str, ends: str, timezone: str) -> datetime:
    """Return the first instant from `at` on that is not in the quiet hours ("HH:MM") of the event's clock."""
    quiet_from, quiet_until, zone = _time_of_day(starts), _time_of_day(ends), ZoneInfo(timezone)
    # Times are modulo a day, so that hours that span midnight are like all others.
    while True:
        local = at.astimezone(zone)
        shown = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
        if (shown - quiet_from) % _DAY >= (quiet_until - quiet_from) % _DAY:
            return at
        # Quiet hours end, and clocks change, at whole seconds. If a change comes first, the loop goes on from
        # there, because the clock shows another time then.
        at = at.replace(microsecond=0)
        at = _next_change(at, at + (quiet_until - shown) % _DAY, zone)


def _next_change(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """Return when the zone's offset changes after `early`; at most `late`. Both are whole seconds."""
    offset = early.astimezone(zone).utcoffset()
    seconds = range((late - early) // timedelta(seconds=1))

    def has_changed(after: int) -> bool:
        return (early + timedelta(seconds=after)).astimezone(zone).utcoffset() != offset

    return early + timedelta(seconds=bisect_left(seconds, True, key=has_changed))


def hold_id(list_id: UUID, number: int, ready_at: datetime) -> UUID:
    """Derive the id of one hold. Another entry, or another hold of the same entry, has another id."""
    return uuid5(list_id, f"{number}/{ready_at.astimezone(UTC).isoformat()}")
