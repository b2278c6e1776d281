"""How fast a line moves, what that says of a place, and where it is drawn."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lists import LIST, T0, Lists
from waiting_list.pace import STRETCHES, Pace, estimate
from waiting_list.plots import plot, round_top
from waiting_list.polls import Polls
from waiting_list.problems import InventoryNotFound
from waiting_list.settings import Settings

WEEK = Pace(since=T0, now=T0 + timedelta(days=7), fans=(0,) * STRETCHES, tickets=70, releases=16)


def test_the_estimate_is_the_lists_own_rate_within_what_is_known_of_it() -> None:
    found = estimate(WEEK, tickets_ahead=18, tickets_wanted=2)
    assert found is not None
    # 70 tickets in 7 days, 20 to go: 2 days, give or take a quarter of the rate, as 16 releases allow.
    assert found.earliest == timedelta(days=2) / 1.25
    assert found.latest == timedelta(days=2) / 0.75


@pytest.mark.parametrize(
    "too_little",
    [{"releases": 4}, {"now": T0 + timedelta(hours=23)}, {"tickets": 0}, {"tickets": 0, "releases": 0}],
)
def test_where_too_little_was_seen_there_is_no_estimate(too_little: dict[str, object]) -> None:
    assert estimate(replace(WEEK, **too_little), tickets_ahead=1, tickets_wanted=1) is None  # type: ignore[arg-type]


@given(
    ahead=st.integers(0, 10**6), wanted=st.integers(1, 100), releases=st.integers(5, 10**5), more=st.integers(1, 9)
)
def test_more_tickets_ahead_take_longer_and_more_releases_say_it_more_exactly(
    ahead: int, wanted: int, releases: int, more: int
) -> None:
    pace = replace(WEEK, releases=releases)
    near = estimate(pace, tickets_ahead=ahead, tickets_wanted=wanted)
    far = estimate(pace, tickets_ahead=ahead + more, tickets_wanted=wanted)
    surer = estimate(replace(pace, releases=releases + more), tickets_ahead=ahead, tickets_wanted=wanted)
    assert near is not None
    assert far is not None
    assert surer is not None
    likely = pace.seen * ((ahead + wanted) / pace.tickets)
    assert near.earliest < likely < near.latest
    assert near.earliest < far.earliest
    assert near.latest < far.latest
    assert near.earliest < surer.earliest
    assert surer.latest < near.latest


async def test_the_pace_counts_whose_turn_came_and_nothing_else(lists: Lists) -> None:
    polls = Polls(lists.pool, Settings())
    with pytest.raises(InventoryNotFound):
        await polls.pace(LIST._replace(offer_id="x"))
    for user_id in ("ada", "bob", "cleo", "dan"):
        await lists.join(user_id, 2)
    await lists.rows("UPDATE history SET at = now() - interval '10 days' RETURNING at")
    await _first_join(lists, "10 days")
    for _ in range(3):
        await lists.add_stock(2)
        await lists.rows("UPDATE history SET at = now() - interval '1 hour' WHERE at > now() RETURNING at")
    pace = await polls.pace(LIST)
    assert (sum(pace.fans), pace.tickets, pace.releases) == (3, 6, 3)
    assert timedelta(days=9) < pace.seen < timedelta(days=11)
    assert pace.fans[-1] == 3
    # Known for some seconds: a crowd that asks costs one look.
    await lists.add_stock(2)
    assert await polls.pace(LIST) is pace


async def test_a_list_is_looked_at_since_its_first_fan_not_since_its_stock_was_made(lists: Lists) -> None:
    await lists.rows("UPDATE history SET at = now() - interval '9 days' RETURNING at")
    polls = Polls(lists.pool, Settings())
    nobody = await polls.pace(LIST)
    assert (sum(nobody.fans), nobody.tickets, nobody.releases, nobody.seen) == (0, 0, 0, timedelta(0))
    await lists.join("ada", 1)
    await _first_join(lists, "2 days")
    pace = await Polls(lists.pool, Settings()).pace(LIST)
    assert timedelta(days=2) <= pace.seen < timedelta(days=2, hours=1)


async def _first_join(lists: Lists, ago: str) -> None:
    """Moves it back: the pace is as of the database's clock, and the other instants of tests are not."""
    await lists.rows(
        "UPDATE entries SET joined_at = now() - $1::text::interval WHERE number = 1 RETURNING number", ago
    )


async def test_only_two_weeks_count(lists: Lists) -> None:
    await lists.join("ada", 1)
    await lists.add_stock(1)
    await lists.rows("UPDATE history SET at = now() - interval '30 days' RETURNING at")
    await _first_join(lists, "30 days")
    pace = await Polls(lists.pool, Settings()).pace(LIST)
    assert (sum(pace.fans), pace.tickets, pace.releases) == (0, 0, 0)
    assert pace.seen == timedelta(days=14)


@given(st.lists(st.integers(0, 10**9), max_size=200))
def test_bars_stand_side_by_side_within_the_plot_and_are_as_high_as_their_values(values: list[int]) -> None:
    drawn = plot(values)
    assert [bar.value for bar in drawn.bars] == values
    assert drawn.top >= max(values, default=0)
    for bar, following in zip(drawn.bars, [*drawn.bars[1:], None], strict=False):
        assert bar.width > 0
        assert 0 <= bar.y <= drawn.height
        assert abs(bar.y + bar.height - drawn.height) < 0.11
        assert bool(bar.height) == bool(bar.value)
        assert bar.x + bar.width <= (following.x if following else drawn.width) + 0.11


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (1, 1), (2, 2), (3, 5), (6, 10), (10, 10), (11, 20), (499, 500)]
)
def test_the_top_of_a_plot_is_a_round_number(value: int, top: int) -> None:
    assert round_top(value) == top
