"""Cells of CSV files: whole numbers, and instants with an offset or in local time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from waiting_list.csv_cells import clock_time, instant, whole_number
from waiting_list.timezones import TIMEZONES

OSLO = "Europe/Oslo"


def test_a_whole_number_is_read_also_as_spreadsheets_write_it() -> None:
    for text, number in (("120", 120), (" 120 ", 120), ("3.0", 3), ("3,00", 3), ("-5", -5), ("+5", 5), ("007", 7)):
        assert whole_number(text) == number


@pytest.mark.parametrize(
    "text", ["--5", "1e3", "", " ", "four", "3.5", "0x10", "٣", "²", "1_000", "5-", "9" * 19, "NaN", "1.00E+03"]
)
def test_what_is_no_whole_number_is_refused_with_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match="is not a whole number: write digits only, such as 120"):
        whole_number(text)


@pytest.mark.parametrize("text", ["1 000", "1.000", "1,000", "1\xa0000", "1'000", "12\u202f000"])
def test_a_thousands_separator_is_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match="may have a thousands separator: write digits only"):
        whole_number(text)


def test_an_instant_with_an_offset_is_read_in_every_spelling() -> None:
    expected = datetime(2031, 6, 14, 17, 30, tzinfo=UTC)
    for text in (
        "2031-06-14T19:30:00+02:00",
        "2031-06-14 19:30+0200",
        "2031-06-14 19:30:00 +02",
        "2031-06-14t17:30:00.000z",
        "2031-06-14 17:30Z",
    ):
        assert instant(text, "Asia/Tokyo") == expected


def test_a_local_time_is_that_of_the_zone_in_summer_and_in_winter() -> None:
    assert instant("2031-06-14 19:30", OSLO) == datetime(2031, 6, 14, 17, 30, tzinfo=UTC)
    assert instant(" 2031-12-14T9:30:05 ", OSLO) == datetime(2031, 12, 14, 8, 30, 5, tzinfo=UTC)


def test_the_hour_that_is_missing_is_refused_with_the_time_that_is_meant() -> None:
    with pytest.raises(ValueError, match=r"does not exist in Europe/Oslo.*: write 2031-03-30 03:30$"):
        instant("2031-03-30 02:30", OSLO)
    assert instant("2031-03-30 03:00", OSLO) == instant("2031-03-30 01:00Z", OSLO)


def test_the_hour_that_comes_twice_is_refused_with_both_offsets() -> None:
    with pytest.raises(
        ValueError, match=r"comes twice .*: write 2031-10-26 02:30\+02:00 or 2031-10-26 02:30\+01:00$"
    ):
        instant("2031-10-26 02:30", OSLO)
    assert instant("2031-10-26 02:30+01:00", OSLO) == datetime(2031, 10, 26, 1, 30, tzinfo=UTC)


@given(st.datetimes(datetime(1975, 1, 1), datetime(2100, 1, 1)), st.sampled_from(sorted(TIMEZONES)))  # noqa: DTZ001
def test_only_a_local_time_that_exists_once_is_read_and_it_reads_back_the_same(local: datetime, zone: str) -> None:
    hours = (local.replace(tzinfo=UTC) + timedelta(minutes=15 * part) for part in range(-120, 121))
    same = {at for at in hours if at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local}
    assume(all(at.astimezone(ZoneInfo(zone)).utcoffset().total_seconds() % 900 == 0 for at in same))  # type: ignore[union-attr]
    try:
        found = instant(local.isoformat(" "), zone)
    except ValueError:
        assert len(same) != 1
    else:
        assert found.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local
        assert len(same) == 1 or found.utcoffset().total_seconds() % 900  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("01.05.2027 20:00", "may be day or month first: write it as 2030-01-31 20:00, year first"),
        ("5/1/2027 8:00 PM", "may be day or month first"),
        ("2027-05-01", "has no time of day"),
        ("2027-02-30 20:00", "is not a date and time"),
        ("2027-05-01 24:30", "is not a date and time"),
        ("2027-05-01 20:00+02:99", "is not a date and time"),
        ("2027-05-01 20:00+99", "is not a date and time"),
        ("46143.8333", "is not a date and time"),
        ("soon", "is not a date and time"),
        ("", "is not a date and time"),
        ("٢٠٢٧-05-01 20:00", "is not a date and time"),
    ],
)
def test_another_form_is_refused_with_the_form_to_use(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        clock_time(text)
