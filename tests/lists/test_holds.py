"""The deadline of a hold, by examples, and by properties over all timezones."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waiting_list.lists.holds import effective_minutes, hold_until

# As every list begins. The show is far away: no step applies unless a test says so.
DEFAULTS: dict[str, Any] = {
    "hold_minutes": 1440,
    "hold_steps": [],
    "quiet_from": None,
    "quiet_until": None,
    "timezone": "Europe/Paris",
    "starts_at": datetime(2200, 1, 1, tzinfo=UTC),
}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def local(text: str, timezone: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone), fold=fold)


def minutes_at(now: datetime, **rules: Any) -> int | None:
    given_rules = DEFAULTS | rules
    wanted = ("hold_minutes", "hold_steps", "timezone", "starts_at")
    return effective_minutes(now, **{name: given_rules[name] for name in wanted})


def moved(deadline: datetime, **rules: Any) -> datetime:
    """Where the quiet hours move a deadline."""
    until = hold_until(
        deadline.astimezone(UTC) - timedelta(minutes=60), **(DEFAULTS | {"hold_minutes": 60} | rules)
    )
    assert until is not None
    return until


SHOW = local("2026-12-20 20:00", "Europe/Paris")
STEPS = [[3, 120], [0, 30]]


@pytest.mark.parametrize(
    ("now", "minutes"),
    [
        ("2026-11-01 12:00", 1440),
        ("2026-12-16 23:59:59.999999", 1440),
        ("2026-12-17 00:00", 120),
        ("2026-12-19 23:59:59.999999", 120),
        ("2026-12-20 00:00", 30),
        ("2026-12-20 20:00", 30),
        ("2026-12-20 23:00", 30),
        ("2026-12-21 00:00", 30),
        ("2027-06-01 12:00", 30),
    ],
)
def test_a_day_two_hours_in_the_last_three_days_and_half_an_hour_on_the_day(now: str, minutes: int) -> None:
    at, rules = local(now, "Europe/Paris"), {"hold_steps": STEPS, "starts_at": SHOW}
    assert minutes_at(at, **rules) == minutes
    assert hold_until(at, **(DEFAULTS | rules)) == at.astimezone(UTC) + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("timezone", "now", "minutes"),
    [
        # The show is at 19:00 UTC on the 20th: the 20th in Paris, already the 21st in Auckland.
        ("Europe/Paris", "2026-12-19T22:59:59Z", 120),
        ("Europe/Paris", "2026-12-19T23:00:00Z", 30),
        ("Pacific/Auckland", "2026-12-20T10:59:59Z", 120),
        ("Pacific/Auckland", "2026-12-20T11:00:00Z", 30),
        ("America/Los_Angeles", "2026-12-20T07:59:59Z", 120),
        ("America/Los_Angeles", "2026-12-20T08:00:00Z", 30),
    ],
)
def test_a_day_begins_at_midnight_at_the_event_and_not_in_utc(timezone: str, now: str, minutes: int) -> None:
    show = instant("2026-12-20T19:00:00Z")
    assert minutes_at(instant(now), hold_steps=STEPS, timezone=timezone, starts_at=show) == minutes


def test_days_are_those_of_the_calendar_whoever_says_the_instant() -> None:
    # The same instants, told in other offsets.
    show, now = instant("2026-12-21T04:00:00+09:00"), instant("2026-12-20T10:00:00+11:00")
    assert minutes_at(now, hold_steps=STEPS, starts_at=show) == 30


@pytest.mark.parametrize(
    ("now", "show", "days_left"),
    [
        ("2028-02-28", "2028-03-01", 2),  # a leap day between them
        ("2027-02-28", "2027-03-01", 1),
        ("2028-02-29", "2028-02-29", 0),
        ("2026-12-31", "2027-01-01", 1),
    ],
)
def test_leap_days_and_new_years_count_as_the_days_they_are(now: str, show: str, days_left: int) -> None:
    at, starts_at = local(f"{now} 23:30", "Europe/Paris"), local(f"{show} 00:10", "Europe/Paris")
    rules = {"hold_minutes": 7, "starts_at": starts_at}
    assert minutes_at(at, hold_steps=[[days_left, 1]], **rules) == 1
    assert minutes_at(at, hold_steps=[[days_left - 1, 1]], **rules) == 7


def test_a_date_that_a_zone_has_skipped_counts_as_a_day_of_the_calendar() -> None:
    # Samoa went from 29 to 31 December 2011.
    now, show = local("2011-12-29 23:00", "Pacific/Apia"), local("2011-12-31 20:00", "Pacific/Apia")
    assert show.astimezone(UTC) - now.astimezone(UTC) == timedelta(hours=21)
    rules = {"hold_minutes": 7, "timezone": "Pacific/Apia", "starts_at": show}
    assert minutes_at(now, hold_steps=[[1, 1]], **rules) == 7
    assert minutes_at(now, hold_steps=[[2, 1]], **rules) == 1


def test_a_hold_without_minutes_has_no_deadline_whatever_is_quiet() -> None:
    rules = DEFAULTS | {"hold_minutes": None, "quiet_from": "00:00", "quiet_until": "23:59"}
    assert hold_until(instant("2026-11-01T12:00:00Z"), **rules) is None


def test_a_step_gives_a_deadline_to_holds_that_have_none_otherwise() -> None:
    rules = DEFAULTS | {"hold_minutes": None, "hold_steps": STEPS, "starts_at": SHOW}
    assert hold_until(local("2026-12-16 12:00", "Europe/Paris"), **rules) is None
    assert hold_until(local("2026-12-18 12:00", "Europe/Paris"), **rules) == instant("2026-12-18T13:00:00Z")


def test_the_fewest_days_count_and_not_the_shortest_hold() -> None:
    at = local("2026-12-20 12:00", "Europe/Paris")
    assert minutes_at(at, hold_steps=[[10, 5], [0, 600], [3, 60]], starts_at=SHOW) == 600


def test_a_hold_outlives_the_start_of_the_show_and_the_caller_cuts_it() -> None:
    at = local("2026-12-20 19:50", "Europe/Paris")
    assert hold_until(at, **(DEFAULTS | {"hold_steps": STEPS, "starts_at": SHOW})) == instant(
        "2026-12-20T19:20:00Z"
    )


def test_a_deadline_is_told_in_utc() -> None:
    for rules in (
        {},
        {"quiet_from": "08:00", "quiet_until": "20:00"},
        {"quiet_from": "03:00", "quiet_until": "04:00"},
    ):
        until = hold_until(local("2026-11-01 12:00", "Asia/Tokyo"), **(DEFAULTS | rules))
        assert until is not None
        assert until.tzinfo is UTC


NIGHT = {"quiet_from": "22:30", "quiet_until": "07:15"}
SIESTA = {"quiet_from": "13:00", "quiet_until": "15:30"}


@pytest.mark.parametrize(
    ("rules", "deadline", "expected"),
    [
        (NIGHT, "2026-12-01 22:29:59.999999", "2026-12-01 22:29:59.999999"),
        (NIGHT, "2026-12-01 22:30", "2026-12-02 07:15"),
        (NIGHT, "2026-12-01 23:59:59.999999", "2026-12-02 07:15"),
        (NIGHT, "2026-12-02 00:00", "2026-12-02 07:15"),
        (NIGHT, "2026-12-02 03:33:33.333333", "2026-12-02 07:15"),
        (NIGHT, "2026-12-02 07:14:59.999999", "2026-12-02 07:15"),
        (NIGHT, "2026-12-02 07:15", "2026-12-02 07:15"),
        (NIGHT, "2026-12-02 12:00:00.000001", "2026-12-02 12:00:00.000001"),
        (NIGHT, "2028-02-28 23:00", "2028-02-29 07:15"),
        (NIGHT, "2026-12-31 23:00", "2027-01-01 07:15"),
        (SIESTA, "2026-12-01 12:59:59.999999", "2026-12-01 12:59:59.999999"),
        (SIESTA, "2026-12-01 13:00", "2026-12-01 15:30"),
        (SIESTA, "2026-12-01 15:29:59.999999", "2026-12-01 15:30"),
        (SIESTA, "2026-12-01 15:30", "2026-12-01 15:30"),
        (SIESTA, "2026-12-01 02:00", "2026-12-01 02:00"),
        ({"quiet_from": "00:00", "quiet_until": "08:00"}, "2026-12-02 00:00", "2026-12-02 08:00"),
        ({"quiet_from": "00:00", "quiet_until": "08:00"}, "2026-12-01 23:59", "2026-12-01 23:59"),
        ({"quiet_from": "20:00", "quiet_until": "00:00"}, "2026-12-01 20:00", "2026-12-02 00:00"),
        ({"quiet_from": "20:00", "quiet_until": "00:00"}, "2026-12-02 00:00", "2026-12-02 00:00"),
        ({"quiet_from": "12:01", "quiet_until": "12:00"}, "2026-12-01 12:01", "2026-12-02 12:00"),
        ({"quiet_from": "12:01", "quiet_until": "12:00"}, "2026-12-01 12:00:30", "2026-12-01 12:00:30"),
    ],
)
def test_a_deadline_in_the_quiet_hours_moves_to_their_end(
    rules: dict[str, str], deadline: str, expected: str
) -> None:
    assert moved(local(deadline, "Europe/Paris"), **rules) == local(expected, "Europe/Paris")


def test_quiet_hours_are_those_of_the_event_and_not_of_utc() -> None:
    # 13:00 UTC is 22:00 in Tokyo, 18:45 in Kathmandu and 08:00 in New York.
    at, rules = instant("2026-12-01T13:00:00Z"), {"quiet_from": "22:00", "quiet_until": "08:00"}
    assert moved(at, timezone="Asia/Tokyo", **rules) == instant("2026-12-01T23:00:00Z")
    assert moved(at, timezone="America/New_York", **rules) == at
    assert moved(at + timedelta(hours=4), timezone="Asia/Kathmandu", **rules) == instant("2026-12-02T02:15:00Z")


@pytest.mark.parametrize("half", [{"quiet_from": "08:00"}, {"quiet_until": "08:00"}])
def test_half_of_the_quiet_hours_are_none(half: dict[str, str]) -> None:
    at = local("2026-12-01 21:00", "Europe/Paris")
    assert moved(at, **half) == at


def test_a_hold_that_spans_the_quiet_hours_is_not_longer_for_it() -> None:
    at = local("2026-12-01 21:00", "Europe/Paris")
    assert hold_until(at, **(DEFAULTS | NIGHT)) == at.astimezone(UTC) + timedelta(days=1)


def test_the_length_of_a_step_moves_out_of_the_quiet_hours_too() -> None:
    rules = DEFAULTS | NIGHT | {"hold_steps": STEPS, "starts_at": SHOW}
    assert hold_until(local("2026-12-18 21:00", "Europe/Paris"), **rules) == instant("2026-12-19T06:15:00Z")


def test_minutes_pass_as_they_do_and_not_as_the_clock_shows() -> None:
    # The night in March has 23 hours.
    until = hold_until(local("2027-03-27 12:00", "Europe/Paris"), **DEFAULTS)
    assert until == local("2027-03-28 13:00", "Europe/Paris")


PARIS, NEW_YORK, LORD_HOWE, APIA = "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"


@pytest.mark.parametrize(
    ("timezone", "quiet", "deadline", "expected"),
    [
        # Paris, 28 March 2027: 02:00 is followed by 03:00, at 01:00 UTC.
        (PARIS, "22:00-07:00", "2027-03-27T22:00:00Z", "2027-03-28T05:00:00Z"),
        (PARIS, "22:00-02:00", "2027-03-27T22:00:00Z", "2027-03-28T01:00:00Z"),
        (PARIS, "22:00-02:30", "2027-03-27T22:00:00.5Z", "2027-03-28T01:00:00Z"),
        (PARIS, "22:00-02:30", "2027-03-28T00:59:59.999999Z", "2027-03-28T01:00:00Z"),
        (PARIS, "22:00-02:30", "2027-03-28T01:00:00Z", "2027-03-28T01:00:00Z"),
        (PARIS, "22:00-03:00", "2027-03-27T22:00:00Z", "2027-03-28T01:00:00Z"),
        (PARIS, "22:00-03:01", "2027-03-27T22:00:00Z", "2027-03-28T01:01:00Z"),
        (PARIS, "02:10-02:50", "2027-03-28T00:59:00Z", "2027-03-28T00:59:00Z"),
        (PARIS, "02:10-02:50", "2027-03-28T01:00:00Z", "2027-03-28T01:00:00Z"),
        (PARIS, "02:30-05:00", "2027-03-28T00:59:00Z", "2027-03-28T00:59:00Z"),
        (PARIS, "02:30-05:00", "2027-03-28T01:00:00Z", "2027-03-28T03:00:00Z"),
        # The clock skips all that would not be quiet: a day later.
        (PARIS, "02:50-02:10", "2027-03-28T00:00:00Z", "2027-03-29T00:10:00Z"),
        # Paris, 25 October 2026: 03:00 is followed by 02:00, at 01:00 UTC.
        (PARIS, "22:00-07:00", "2026-10-24T21:00:00Z", "2026-10-25T06:00:00Z"),
        (PARIS, "22:00-02:30", "2026-10-24T21:00:00Z", "2026-10-25T00:30:00Z"),
        (PARIS, "22:00-02:30", "2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z"),
        (PARIS, "22:00-02:30", "2026-10-25T00:59:59Z", "2026-10-25T00:59:59Z"),
        # In the second of two such hours the first end is past: never earlier.
        (PARIS, "22:00-02:30", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"),
        (PARIS, "22:00-02:30", "2026-10-25T01:15:00Z", "2026-10-25T01:30:00Z"),
        (PARIS, "22:00-03:00", "2026-10-24T21:00:00Z", "2026-10-25T02:00:00Z"),
        (PARIS, "22:00-02:00", "2026-10-24T21:00:00Z", "2026-10-25T00:00:00Z"),
        (PARIS, "02:30-07:00", "2026-10-25T00:20:00Z", "2026-10-25T00:20:00Z"),
        (PARIS, "02:30-07:00", "2026-10-25T01:20:00Z", "2026-10-25T01:20:00Z"),
        (PARIS, "02:30-07:00", "2026-10-25T01:30:00Z", "2026-10-25T06:00:00Z"),
        # The clock goes back out of hours that have just begun.
        (PARIS, "02:30-07:00", "2026-10-25T00:40:00.25Z", "2026-10-25T01:00:00Z"),
        (PARIS, "02:50-02:10", "2026-10-25T00:55:00Z", "2026-10-25T01:10:00Z"),
        # New York, 14 March 2027 at 07:00 UTC, and 1 November 2026 at 06:00 UTC.
        (NEW_YORK, "23:00-08:00", "2027-03-14T05:00:00Z", "2027-03-14T12:00:00Z"),
        (NEW_YORK, "23:00-02:15", "2027-03-14T05:00:00Z", "2027-03-14T07:00:00Z"),
        (NEW_YORK, "23:00-08:00", "2026-11-01T04:00:00Z", "2026-11-01T13:00:00Z"),
        (NEW_YORK, "23:00-01:15", "2026-11-01T04:00:00Z", "2026-11-01T05:15:00Z"),
        (NEW_YORK, "23:00-01:15", "2026-11-01T06:14:59Z", "2026-11-01T06:15:00Z"),
        # Lord Howe moves by half an hour: 4 October 2026 at 15:30 UTC the day before, 4 April 2027 at 15:00.
        (LORD_HOWE, "22:00-07:00", "2026-10-03T12:00:00Z", "2026-10-03T20:00:00Z"),
        (LORD_HOWE, "22:00-02:15", "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z"),
        (LORD_HOWE, "22:00-02:45", "2026-10-03T12:00:00Z", "2026-10-03T15:45:00Z"),
        (LORD_HOWE, "22:00-07:00", "2027-04-03T12:00:00Z", "2027-04-03T20:30:00Z"),
        (LORD_HOWE, "22:00-01:45", "2027-04-03T12:00:00Z", "2027-04-03T14:45:00Z"),
        (LORD_HOWE, "22:00-01:45", "2027-04-03T15:10:00Z", "2027-04-03T15:15:00Z"),
        # Samoa went from 29 to 31 December 2011, at 10:00 UTC on the 30th.
        (APIA, "22:00-07:00", "2011-12-30T09:00:00Z", "2011-12-30T17:00:00Z"),
        (APIA, "22:00-00:00", "2011-12-30T09:00:00Z", "2011-12-30T10:00:00Z"),
        (APIA, "22:00-20:00", "2011-12-30T09:59:59.999999Z", "2011-12-31T06:00:00Z"),
    ],
)
def test_quiet_hours_end_as_the_clocks_show_when_they_change(
    timezone: str, quiet: str, deadline: str, expected: str
) -> None:
    quiet_from, quiet_until = quiet.split("-")
    found = moved(instant(deadline), timezone=timezone, quiet_from=quiet_from, quiet_until=quiet_until)
    assert found == instant(expected)


class Night(NamedTuple):
    """A deadline, often near a change of the clocks, and quiet hours."""

    timezone: str
    deadline: datetime
    quiet_from: str
    quiet_until: str

    @property
    def rules(self) -> dict[str, str]:
        return {"timezone": self.timezone, "quiet_from": self.quiet_from, "quiet_until": self.quiet_until}

    @property
    def quiet(self) -> timedelta:
        hours, minutes = ([int(part) for part in text.split(":")] for text in (self.quiet_from, self.quiet_until))
        return timedelta(minutes=(minutes[0] - hours[0]) * 60 + minutes[1] - hours[1]) % timedelta(days=1)

    def offset(self, at: datetime) -> timedelta:
        return at.astimezone(ZoneInfo(self.timezone)).utcoffset() or timedelta()

    def is_quiet(self, at: datetime) -> bool:
        shown = f"{at.astimezone(ZoneInfo(self.timezone)):%H:%M}"
        if self.quiet_from < self.quiet_until:
            return self.quiet_from <= shown < self.quiet_until
        return shown >= self.quiet_from or shown < self.quiet_until


@cache
def changes(timezone: str, year: int) -> list[datetime]:
    """The hours of a year before which a zone's offset changes."""
    zone, begin = ZoneInfo(timezone), datetime(year, 1, 1, tzinfo=UTC)
    days = [begin + timedelta(days=day) for day in range(366)]
    return [
        hour + timedelta(hours=1)
        for day in days
        if day.astimezone(zone).utcoffset() != (day + timedelta(days=1)).astimezone(zone).utcoffset()
        for hour in (day + timedelta(hours=hour) for hour in range(24))
        if hour.astimezone(zone).utcoffset() != (hour + timedelta(hours=1)).astimezone(zone).utcoffset()
    ]


timezones = st.sampled_from((PARIS, NEW_YORK, LORD_HOWE, "Antarctica/Troll")) | st.sampled_from(
    sorted(available_timezones())
)
# Since 1973 all offsets are whole minutes.
years = st.integers(1973, 2100)
# Most clocks change between midnight and four.
hours = st.integers(0, 4) | st.integers(0, 23)
times = st.builds("{:02}:{:02}".format, hours, st.sampled_from([0, 1, 15, 30, 45, 59]))


@st.composite
def nights(draw: st.DrawFn) -> Night:
    timezone, year = draw(timezones), draw(years)
    near = changes(timezone, year) or [datetime.combine(date(year, 6, 1), datetime.min.time(), UTC)]
    away = draw(
        st.timedeltas(timedelta(hours=-3), timedelta(hours=3)) | st.timedeltas(timedelta(hours=-26), timedelta())
    )
    quiet_from, quiet_until = draw(st.lists(times, min_size=2, max_size=2, unique=True))
    return Night(timezone, draw(st.sampled_from(near)) + away, quiet_from, quiet_until)


def first_that_is_not_quiet(night: Night) -> datetime:
    """Minute by minute."""
    at = night.deadline
    while night.is_quiet(at):
        at = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return at


@given(nights())
def test_a_deadline_is_the_first_instant_that_is_not_quiet(night: Night) -> None:
    found = moved(night.deadline, **night.rules)
    assert found == first_that_is_not_quiet(night)
    assert found >= night.deadline
    assert not night.is_quiet(found)


@given(nights())
def test_a_deadline_moves_by_a_day_at_most_and_by_what_the_clocks_go_back(night: Night) -> None:
    found = moved(night.deadline, **night.rules)
    most = timedelta(days=1) + max(timedelta(), night.offset(night.deadline) - night.offset(found))
    if night.quiet > timedelta(hours=20):
        most += timedelta(days=1)  # a change of the clocks may skip all that would not be quiet
    assert found - night.deadline < most


@given(nights(), st.timedeltas(timedelta(), timedelta(hours=30)))
def test_whoever_is_held_later_has_no_earlier_deadline(night: Night, later: timedelta) -> None:
    assert moved(night.deadline, **night.rules) <= moved(night.deadline + later, **night.rules)


steps = st.lists(st.tuples(st.integers(0, 10), st.integers(1, 3000)), max_size=5, unique_by=lambda step: step[0])


@given(
    timezones,
    st.timedeltas(timedelta(), timedelta(days=45_000)).map(lambda since: datetime(1973, 1, 1, tzinfo=UTC) + since),
    st.timedeltas(timedelta(days=-15), timedelta(days=15)),
    st.none() | st.integers(1, 3000),
    steps.flatmap(lambda drawn: st.tuples(st.just(drawn), st.permutations(drawn))),
)
def test_of_the_steps_that_apply_the_nearest_counts_in_whatever_order(
    timezone: str,
    now: datetime,
    ahead: timedelta,
    hold_minutes: int | None,
    both: tuple[list[tuple[int, int]], list[tuple[int, int]]],
) -> None:
    steps, shuffled = both
    rules = {"hold_minutes": hold_minutes, "timezone": timezone, "starts_at": now + ahead}
    found = minutes_at(now, hold_steps=steps, **rules)
    assert found == minutes_at(now, hold_steps=shuffled, **rules)
    zone = ZoneInfo(timezone)
    show, today = (at.astimezone(zone).date().toordinal() for at in (now + ahead, now))
    applying = sorted(step for step in steps if today >= show - step[0])
    assert found == (applying[0][1] if applying else hold_minutes)
    until = hold_until(now, **(DEFAULTS | rules | {"hold_steps": steps}))
    assert until == (None if found is None else now + timedelta(minutes=found))


@given(timezones, st.integers(1, 2**31 - 1))
def test_the_longest_hold_that_settings_allow_has_a_deadline(timezone: str, minutes: int) -> None:
    now = datetime(2026, 11, 1, 12, tzinfo=UTC)
    rules = {"hold_minutes": minutes, "timezone": timezone, "quiet_from": "22:00", "quiet_until": "07:00"}
    until = hold_until(now, **(DEFAULTS | rules))
    assert until is not None
    assert until >= now + timedelta(minutes=minutes)
