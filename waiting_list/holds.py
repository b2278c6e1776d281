"""How long a hold lasts, by the rules of its list: shorter near the show, and never ending in the quiet hours."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
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
    """The deadline of a hold that begins now, in UTC; None if it has none.

    It is `effective_minutes` from now or, where a clock at the event then shows a time from `quiet_from` on and
    before `quiet_until` ("HH:MM", both or none; they may span midnight), the first instant after that at which it
    does not: the first of two `quiet_until` where the clock is set back, and the change itself where the clock
    skips it. So a deadline is never earlier than those minutes, never in the quiet hours, and of two holds of the
    same length the later one never has the earlier deadline. The caller cuts it at the end of the list.
    """
    minutes = effective_minutes(
        now, hold_minutes=hold_minutes, hold_steps=hold_steps, timezone=timezone, starts_at=starts_at
    )
    if minutes is None:
        return None
    deadline = now.astimezone(UTC) + timedelta(minutes=minutes)
    if quiet_from is None or quiet_until is None:
        return deadline
    return _after_quiet_hours(deadline, _time_of_day(quiet_from), _time_of_day(quiet_until), ZoneInfo(timezone))


def effective_minutes(
    now: datetime,
    *,
    hold_minutes: int | None,
    hold_steps: Sequence[Sequence[int]],
    timezone: str,
    starts_at: datetime,
) -> int | None:
    """How long a hold that begins now lasts before quiet hours, in minutes; None if it has no deadline.

    A step is (days before the show, minutes). It applies once no more than so many days of the event's calendar
    are left, and after the show. Of those that apply the one with the fewest days counts; of none, `hold_minutes`.
    """
    zone = ZoneInfo(timezone)
    days_left = (starts_at.astimezone(zone).date() - now.astimezone(zone).date()).days
    applying = [(days_before, minutes) for days_before, minutes in hold_steps if days_left <= days_before]
    return min(applying)[1] if applying else hold_minutes


def _time_of_day(text: str) -> timedelta:
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _after_quiet_hours(at: datetime, quiet_from: timedelta, quiet_until: timedelta, zone: ZoneInfo) -> datetime:
    # Round the clock, modulo a day: then hours that span midnight are like all others.
    while True:
        local = at.astimezone(zone)
        shown = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
        if (shown - quiet_from) % _DAY >= (quiet_until - quiet_from) % _DAY:
            return at
        # Quiet hours end, and clocks change, at whole seconds. If a change comes first, it goes on from there with
        # the time that the clock shows then.
        at = at.replace(microsecond=0)
        at = _next_change(at, at + (quiet_until - shown) % _DAY, zone)


def _next_change(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """When the offset of a zone changes after `early`, but no later than `late`. Both are whole seconds."""
    offset = early.astimezone(zone).utcoffset()
    seconds = range((late - early) // timedelta(seconds=1))

    def has_changed(after: int) -> bool:
        return (early + timedelta(seconds=after)).astimezone(zone).utcoffset() != offset

    return early + timedelta(seconds=bisect_left(seconds, True, key=has_changed))
