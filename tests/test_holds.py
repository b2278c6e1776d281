"""How long a hold lasts: steps near the show, quiet hours, and the days on which clocks change."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from waiting_list.holds import effective_minutes, hold_until

SHOW = datetime(2030, 6, 15, 18, 0, tzinfo=UTC)
"""Eight in the evening in Paris."""
STEPS = [[3, 120], [0, 30]]


def minutes(now: datetime, **rules: Any) -> int | None:
    usual: dict[str, Any] = {
        "hold_minutes": 1440, "hold_steps": STEPS, "timezone": "Europe/Paris", "starts_at": SHOW,
    }  # fmt: skip
    return effective_minutes(now, **usual | rules)


def until(now: str, length: int | None, quiet_from: str, quiet_until: str, timezone: str = "Europe/Paris") -> str:
    """The deadline, by the clock of the event, of a hold that begins at this time of that clock."""
    zone = ZoneInfo(timezone)
    deadline = hold_until(
        datetime.fromisoformat(now).replace(tzinfo=zone),
        hold_minutes=length,
        hold_steps=[],
        quiet_from=quiet_from,
        quiet_until=quiet_until,
        timezone=timezone,
        starts_at=SHOW,
    )
    assert deadline is not None
    assert deadline.tzinfo is UTC
    return deadline.astimezone(zone).isoformat()


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2030-06-01T10:00+02:00", 1440),
        ("2030-06-11T23:59+02:00", 1440),
        ("2030-06-12T00:00+02:00", 120),
        ("2030-06-14T23:59+02:00", 120),
        ("2030-06-15T00:00+02:00", 30),
        ("2030-06-14T22:00+00:00", 30),
        ("2030-06-15T23:59+02:00", 30),
        ("2030-07-01T00:00+02:00", 30),
    ],
)
def test_a_day_then_two_hours_in_the_last_three_days_then_half_an_hour_on_the_day(now: str, expected: int) -> None:
    assert minutes(datetime.fromisoformat(now)) == expected
    assert minutes(datetime.fromisoformat(now), hold_steps=STEPS[::-1]) == expected


def test_the_calendar_is_that_of_the_event() -> None:
    at = datetime(2030, 6, 14, 23, 0, tzinfo=UTC)
    assert minutes(at) == 30
    assert minutes(at, timezone="America/New_York") == 120
    assert minutes(at - timedelta(days=1), timezone="Pacific/Apia", hold_steps=[[1, 5]]) == 1440


def test_steps_count_also_where_holds_have_no_length_otherwise() -> None:
    assert minutes(SHOW - timedelta(days=30), hold_minutes=None) is None
    assert minutes(SHOW - timedelta(days=1), hold_minutes=None) == 120
    assert hold_until(
        SHOW - timedelta(days=30), hold_minutes=None, hold_steps=STEPS, quiet_from="00:00", quiet_until="23:59",
        timezone="Europe/Paris", starts_at=SHOW,
    ) is None  # fmt: skip


def test_a_hold_takes_the_length_of_its_step() -> None:
    now = datetime(2030, 6, 15, 8, 0, tzinfo=UTC)
    deadline = hold_until(
        now, hold_minutes=1440, hold_steps=STEPS, quiet_from=None, quiet_until=None, timezone="Europe/Paris",
        starts_at=SHOW,
    )  # fmt: skip
    assert deadline == now + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("now", "length", "quiet_from", "quiet_until", "expected"),
    [
        ("2030-05-01T20:00", 60, "22:00", "08:00", "2030-05-01T21:00:00+02:00"),
        ("2030-05-01T20:59", 60, "22:00", "08:00", "2030-05-01T21:59:00+02:00"),
        ("2030-05-01T21:00", 60, "22:00", "08:00", "2030-05-02T08:00:00+02:00"),
        ("2030-05-01T22:30", 60, "22:00", "08:00", "2030-05-02T08:00:00+02:00"),
        ("2030-05-01T23:00", 60, "22:00", "08:00", "2030-05-02T08:00:00+02:00"),
        ("2030-05-02T06:59", 60, "22:00", "08:00", "2030-05-02T08:00:00+02:00"),
        ("2030-05-02T07:00", 60, "22:00", "08:00", "2030-05-02T08:00:00+02:00"),
        ("2030-05-02T07:01", 60, "22:00", "08:00", "2030-05-02T08:01:00+02:00"),
        ("2030-05-02T12:30", 60, "13:00", "14:00", "2030-05-02T14:00:00+02:00"),
        ("2030-05-02T13:30", 60, "13:00", "14:00", "2030-05-02T14:30:00+02:00"),
        ("2030-05-02T11:59", 60, "13:00", "14:00", "2030-05-02T12:59:00+02:00"),
        ("2028-02-28T23:30", 60, "22:00", "08:00", "2028-02-29T08:00:00+01:00"),
        # The clock goes from 02:00 to 03:00, and back from 03:00 to 02:00.
        ("2030-03-30T23:00", 60, "22:00", "08:00", "2030-03-31T08:00:00+02:00"),
        ("2030-03-31T01:00", 30, "01:00", "02:30", "2030-03-31T03:30:00+02:00"),
        ("2030-10-27T01:00", 30, "01:00", "02:30", "2030-10-27T02:30:00+02:00"),
        ("2030-10-27T01:00", 130, "01:00", "02:30", "2030-10-27T02:30:00+01:00"),
    ],
)
def test_a_deadline_does_not_fall_in_the_quiet_hours(
    now: str, length: int, quiet_from: str, quiet_until: str, expected: str
) -> None:
    assert until(now, length, quiet_from, quiet_until) == expected


@pytest.mark.parametrize(
    ("now", "timezone", "expected"),
    [
        ("2030-03-09T23:30", "America/New_York", "2030-03-10T08:00:00-04:00"),
        ("2030-11-02T23:30", "America/New_York", "2030-11-03T08:00:00-05:00"),
        ("2030-10-05T23:30", "Australia/Lord_Howe", "2030-10-06T08:00:00+11:00"),
        ("2030-01-01T23:30", "Asia/Kathmandu", "2030-01-02T08:00:00+05:45"),
        # A day that this calendar skipped.
        ("2011-12-29T23:30", "Pacific/Apia", "2011-12-31T08:00:00+14:00"),
    ],
)
def test_the_clock_is_that_of_the_event(now: str, timezone: str, expected: str) -> None:
    assert until(now, 60, "22:00", "08:00", timezone) == expected


_times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 59]))


@given(
    st.sampled_from(sorted(available_timezones())),
    st.integers(0, 7 * 365 * 24 * 60).map(lambda minutes: SHOW - timedelta(minutes=minutes)),
    st.integers(1, 3000),
    _times,
    _times,
)
@example("Europe/Paris", datetime(2030, 10, 27, 0, 10, tzinfo=UTC), 30, "01:00", "02:30")
@example("America/New_York", datetime(2030, 3, 10, 6, 10, tzinfo=UTC), 30, "01:00", "02:30")
@example("PST8PDT", datetime(2024, 3, 7, 12, 4, tzinfo=UTC), 2990, "03:59", "02:59")
def test_a_deadline_is_later_never_earlier_and_never_quiet(
    timezone: str, now: datetime, length: int, quiet_from: str, quiet_until: str
) -> None:
    if quiet_from == quiet_until:
        return

    def deadline(begins: datetime) -> datetime:
        found = hold_until(
            begins, hold_minutes=length, hold_steps=[], quiet_from=quiet_from, quiet_until=quiet_until,
            timezone=timezone, starts_at=SHOW,
        )  # fmt: skip
        assert found is not None
        return found

    shifted, plain = deadline(now), now + timedelta(minutes=length)
    assert plain <= shifted <= plain + timedelta(days=2)
    clock = shifted.astimezone(ZoneInfo(timezone)).strftime("%H:%M")
    spans = quiet_from > quiet_until
    assert not (clock >= quiet_from or clock < quiet_until if spans else quiet_from <= clock < quiet_until)
    assert deadline(now + timedelta(minutes=1)) >= shifted
