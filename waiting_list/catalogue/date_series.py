"""Make the dates of a series, on the wall clock of the event. No I/O here."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

MOST_DATES = 60
"""The most dates of one series."""


class Span(NamedTuple):
    """When a date starts and ends."""

    start: datetime
    end: datetime


def series(first: datetime, *, length: timedelta, every_days: int, count: int) -> Sequence[Span]:
    """Return `count` dates, `every_days` days apart, from the `first` on, each as long as `length`.

    `first` has its timezone. Each date starts at the same time of the day there, also across a change of the
    clocks. Where the clocks skip that time, the date starts as much later as they skip. The length is time that
    passes.
    """
    zone = first.tzinfo
    assert isinstance(zone, ZoneInfo)
    local = first.replace(tzinfo=None)
    starts = ((local + timedelta(days=every_days * number)).replace(tzinfo=zone) for number in range(count))
    # By way of UTC, because arithmetic within a timezone counts hours of the wall clock.
    return [Span(start.astimezone(UTC), start.astimezone(UTC) + length) for start in starts]
