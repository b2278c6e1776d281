"""The estimate of how long a fan waits: from which throughput, and which pages show it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.lists import LIST, T0, Lists
from waiting_list.lists.queries.coalesced import CoalescedReads
from waiting_list.lists.queries.wait_estimate import STRETCHES, Throughput, estimate_wait
from waiting_list.pages.bar_chart import plot
from waiting_list.problems import InventoryNotFound
from waiting_list.settings import Settings

WEEK = Throughput(since=T0, now=T0 + timedelta(days=7), fans=(0,) * STRETCHES, tickets=70, releases=16)


def test_the_estimate_is_the_lists_own_rate_within_what_is_known_of_it() -> None:
    found = estimate_wait(WEEK, tickets_ahead=18, tickets_wanted=2)
    assert found is not None
    # 70 tickets in 7 days, 20 to go: 2 days, give or take a quarter of the rate, as 16 releases allow.
    assert found.earliest == timedelta(days=2) / 1.25
    assert found.latest == timedelta(days=2) / 0.75


@pytest.mark.parametrize(
    "too_little",
    [{"releases": 4}, {"now": T0 + timedelta(hours=23)}, {"tickets": 0}, {"tickets": 0, "releases": 0}],
)
def test_where_too_little_was_seen_there_is_no_estimate(too_little: dict[str, object]) -> None:
    assert estimate_wait(replace(WEEK, **too_little), tickets_ahead=1, tickets_wanted=1) is None  # type: ignore[arg-type]


@given(
    ahead=st.integers(0, 10**6), wanted=st.integers(1, 100), releases=st.integers(5, 10**5), more=st.integers(1, 9)
)
def test_more_tickets_ahead_take_longer_and_more_releases_say_it_more_exactly(
    ahead: int, wanted: int, releases: int, more: int
) -> None:
    throughput = replace(WEEK, releases=releases)
    near = estimate_wait(throughput, tickets_ahead=ahead, tickets_wanted=wanted)
    far = estimate_wait(throughput, tickets_ahead=ahead + more, tickets_wanted=wanted)
    surer = estimate_wait(
        replace(throughput, releases=releases + more), tickets_ahead=ahead, tickets_wanted=wanted
    )
    assert near is not None
    assert far is not None
    assert surer is not None
    likely = throughput.seen * ((ahead + wanted) / throughput.tickets)
    assert near.earliest < likely < near.latest
    assert near.earliest < far.earliest
    assert near.latest < far.latest
    assert near.earliest < surer.earliest
    assert surer.latest < near.latest


@pytest.mark.parametrize("ahead", [10**9, 10**15, 2**63])
def test_however_long_it_takes_a_date_can_be_made_of_it(ahead: int) -> None:
    slow = replace(WEEK, tickets=1, releases=5)
    found = estimate_wait(slow, tickets_ahead=ahead, tickets_wanted=1)
    assert found is not None
    assert WEEK.now < WEEK.now + found.earliest <= WEEK.now + found.latest


async def _until_now(lists: Lists) -> CoalescedReads:
    """Shift the history, so that it ends now, because the throughput follows the database clock."""
    for statement in (
        "UPDATE history SET at = at - ($1::timestamptz - now())",
        "UPDATE entries SET joined_at = joined_at - ($1::timestamptz - now())",
    ):
        await lists.rows(statement, lists.now)
    return CoalescedReads(lists.pool, Settings())


async def test_the_pace_counts_whose_turn_came_and_nothing_else(lists: Lists) -> None:
    for user_id in ("ada", "bob", "cleo", "dan"):
        await lists.join(user_id, 2)
    for hours in (24, 24, 180):
        lists.later(hours=hours)
        await lists.add_stock(2)
    await lists.buy("cleo")
    await lists.leave("dan")
    lists.later(hours=12)
    reads = await _until_now(lists)
    throughput = await reads.throughput(LIST)
    assert (throughput.tickets, throughput.releases) == (6, 3)
    # 240 hours in 28 stretches.
    assert {stretch: fans for stretch, fans in enumerate(throughput.fans) if fans} == {2: 1, 5: 1, 26: 1}
    assert abs(throughput.seen - timedelta(days=10)) < timedelta(minutes=5)
    # Known for some seconds: a crowd that asks costs one look.
    await lists.add_stock(2)
    assert await reads.throughput(LIST) is throughput


async def test_a_crowd_that_asks_at_once_is_answered_by_one_look(lists: Lists) -> None:
    reads = await _until_now(lists)
    first, *others = await asyncio.gather(*(reads.throughput(LIST) for _ in range(100)))
    assert all(one is first for one in others)


async def test_who_never_waited_says_nothing_of_how_fast_those_move_who_do(lists: Lists) -> None:
    await lists.add_stock(20)
    for number in range(8):
        lists.later(hours=6)
        await lists.join(f"at once {number}", 2)
    await lists.join("ada", 6)
    lists.later(hours=6)
    await lists.add_stock(4)
    throughput = await (await _until_now(lists)).throughput(LIST)
    assert (sum(throughput.fans), throughput.tickets, throughput.releases) == (1, 6, 1)


async def test_a_pace_is_measured_from_the_first_fan_on(lists: Lists) -> None:
    """A list is created long before its offer sells out, and no fan could have been promoted then."""
    await lists.rows("UPDATE history SET at = $1", T0)
    lists.later(days=10)
    await lists.join("ada")
    lists.later(hours=30)
    throughput = await (await _until_now(lists)).throughput(LIST)
    assert abs(throughput.seen - timedelta(hours=30)) < timedelta(minutes=5)


async def test_a_list_that_nobody_joined_has_no_pace_and_one_that_is_none_is_not_found(lists: Lists) -> None:
    reads = await _until_now(lists)
    throughput = await reads.throughput(LIST)
    assert (sum(throughput.fans), throughput.tickets, throughput.releases, throughput.seen) == (
        0,
        0,
        0,
        timedelta(),
    )
    assert estimate_wait(throughput, tickets_ahead=0, tickets_wanted=1) is None
    with pytest.raises(InventoryNotFound):
        await reads.throughput(LIST._replace(offer_id="x"))


async def test_a_release_of_many_tickets_says_hardly_more_than_one(lists: Lists) -> None:
    for number in range(8):
        await lists.join(f"fan-{number}", 6 if number < 4 else 1)
    await lists.rows("UPDATE history SET at = now() - interval '10 days' RETURNING at")
    await lists.rows("UPDATE entries SET joined_at = now() - interval '10 days' RETURNING number")
    for hours, quantity in ((5, 24), (4, 1), (3, 1), (2, 1), (1, 1)):
        lists.now = datetime.now(UTC) - timedelta(hours=hours)
        await lists.add_stock(quantity)
    throughput = await CoalescedReads(lists.pool, Settings()).throughput(LIST)
    assert throughput.tickets == 28
    assert throughput.releases == 28**2 / (24**2 + 4)
    assert estimate_wait(throughput, tickets_ahead=1, tickets_wanted=1) is None


async def test_only_two_weeks_count(lists: Lists) -> None:
    await lists.join("ada", 1)
    lists.later(days=1)
    await lists.add_stock(1)
    lists.later(days=15)
    throughput = await (await _until_now(lists)).throughput(LIST)
    assert (sum(throughput.fans), throughput.tickets, throughput.releases) == (0, 0, 0)
    assert throughput.seen == timedelta(days=14)


@given(st.lists(st.integers(0, 10**9), max_size=200))
def test_bars_stand_side_by_side_within_the_plot_and_are_as_high_as_their_values(values: list[int]) -> None:
    drawn = plot(values)
    assert [bar.value for bar in drawn.bars] == values
    assert max((bar.height for bar in drawn.bars), default=0) == (drawn.height if any(values) else 0)
    for bar, following in zip(drawn.bars, [*drawn.bars[1:], None], strict=False):
        assert bar.width > 0
        assert 0 <= bar.y <= drawn.height
        assert abs(bar.y + bar.height - drawn.height) < 0.11
        assert bool(bar.height) == bool(bar.value)
        assert bar.x + bar.width <= (following.x if following else drawn.width) + 0.11
