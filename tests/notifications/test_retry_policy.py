"""The delays between the tries of a notice."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waiting_list.notifications.retry_policy import DELAYS_SECONDS, delay_seconds


def test_a_notice_is_tried_ten_times_over_eighteen_hours() -> None:
    delays = [delay_seconds(tries, chance=0.5) for tries in range(1, 11)]
    assert delays == [5, 30, 120, 300, 900, 2_700, 7_200, 18_000, 36_000, None]
    waited = timedelta(seconds=sum(delay for delay in delays if delay is not None))
    assert timedelta(hours=18) < waited < timedelta(hours=18, minutes=10)


@pytest.mark.parametrize("tries", [10, 11, 1000])
def test_after_the_last_try_there_is_no_other(tries: int) -> None:
    assert delay_seconds(tries, chance=0.0) is None


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 96), (0.25, 108), (0.5, 120), (0.75, 132), (1.0, 144)])
def test_chance_takes_off_or_adds_a_fifth_at_most(chance: float, seconds: float) -> None:
    assert delay_seconds(3, chance=chance) == pytest.approx(seconds)


@given(st.integers(1, 8), st.floats(0, 1), st.floats(0, 1))
def test_each_delay_is_longer_than_the_one_before_whatever_chance_says(
    tries: int, one: float, other: float
) -> None:
    earlier, later = delay_seconds(tries, chance=one), delay_seconds(tries + 1, chance=other)
    assert earlier is not None
    assert later is not None
    assert 0.8 * DELAYS_SECONDS[tries - 1] <= earlier <= 1.2 * DELAYS_SECONDS[tries - 1]
    assert earlier < later
