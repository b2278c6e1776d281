"""How long a hold lasts, by the rules of its list. Pure: knows neither the list nor the clock."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def effective_minutes(
    now: datetime,
    *,
    hold_minutes: int | None,
    hold_steps: Sequence[Sequence[int]],
    timezone: str,
    starts_at: datetime,
) -> int | None:
    """How long a hold that begins now lasts, in minutes, quiet hours aside; None: it has no deadline of its own.

    A step (days before the show, minutes) applies from so many days before the start, by the event's calendar: 0
    is the day of the show. Of those that apply, the one of the fewest days counts; if none does, `hold_minutes`.
    """
    days_left = (_local(starts_at, timezone).date() - _local(now, timezone).date()).days
    return min(((days, minutes) for days, minutes in hold_steps if days_left <= days), default=(0, hold_minutes))[
        1
    ]


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
    """The deadline of a hold that begins now, in UTC; None if it has none. The caller cuts it at the list's end.

    A deadline that would fall in the quiet hours (HH:MM by the event's clock, over midnight where `quiet_from` is
    the later one) is at their end instead: later, never earlier. Where the clock skips that time, it is as much
    later as the clock skips.
    """
    minutes = effective_minutes(
        now, hold_minutes=hold_minutes, hold_steps=hold_steps, timezone=timezone, starts_at=starts_at
    )
    if minutes is None:
        return None
    until = now.astimezone(UTC) + timedelta(minutes=minutes)
    if quiet_from is None or quiet_until is None:
        return until
    begins, ends = time.fromisoformat(quiet_from), time.fromisoformat(quiet_until)
    # More than once only where the clock skips the end of quiet hours that begin again at once.
    while (last_day := _quiet_day(_local(until, timezone), begins, ends)) is not None:
        until = _at(last_day, ends, timezone, after=until)
    return until


def _quiet_day(local: datetime, begins: time, ends: time) -> date | None:
    """The day on which the quiet hours that this is in end; None if it is in none."""
    clock = local.time()
    if begins < ends:
        return local.date() if begins <= clock < ends else None
    if clock >= begins:
        return local.date() + timedelta(days=1)
    return local.date() if clock < ends else None


def _at(day: date, clock: time, timezone: str, *, after: datetime) -> datetime:
    """When the clock of a timezone first shows this time on this day, after an instant."""
    first, second = (
        datetime.combine(day, clock.replace(fold=fold), ZoneInfo(timezone)).astimezone(UTC) for fold in (0, 1)
    )
    # A clock that is set back shows some times twice.
    return first if first > after else second


def _local(instant: datetime, timezone: str) -> datetime:
    return instant.astimezone(ZoneInfo(timezone))
