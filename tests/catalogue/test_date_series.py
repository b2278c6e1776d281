"""The dates of a series stay on the wall clock of the event."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from waiting_list.catalogue.date_series import series

PARIS = ZoneInfo("Europe/Paris")
LENGTH = timedelta(hours=2, minutes=30)


def test_a_weekly_show_starts_at_the_same_time_of_day_on_both_sides_of_a_change_of_the_clocks() -> None:
    made = series(datetime(2030, 3, 24, 20, 0, tzinfo=PARIS), length=LENGTH, every_days=7, count=3)
    assert [one.start for one in made] == [
        datetime(2030, 3, 24, 19, 0, tzinfo=UTC),
        datetime(2030, 3, 31, 18, 0, tzinfo=UTC),
        datetime(2030, 4, 7, 18, 0, tzinfo=UTC),
    ]
    assert {one.end - one.start for one in made} == {LENGTH}


def test_a_show_lasts_as_long_as_it_says_through_the_night_in_which_the_clocks_change() -> None:
    (one,) = series(datetime(2030, 10, 27, 1, 0, tzinfo=PARIS), length=timedelta(hours=4), every_days=1, count=1)
    assert one.end.astimezone(PARIS).hour == 4
    assert one.end - one.start == timedelta(hours=4)


def test_a_time_that_the_clocks_skip_comes_as_much_later() -> None:
    made = series(datetime(2030, 3, 30, 2, 30, tzinfo=PARIS), length=LENGTH, every_days=1, count=3)
    assert [one.start.astimezone(PARIS).strftime("%d %H:%M") for one in made] == [
        "30 02:30",
        "31 03:30",
        "01 02:30",
    ]
