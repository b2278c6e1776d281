"""The simulation of a world tour: what it may never break, whatever its costs are."""

from dataclasses import replace
from typing import Any

import pytest

from bench.calibration import BATCH_LIMIT, JOINS, Costs
from bench.simulate import replaced
from bench.simulation import CITUS_FACTOR, PARTS, Hour, simulate
from bench.tour import HOUR, Machines, Tour

FANS = 300_000
TOUR = Tour(fans=FANS, lists=40, organizations=4)
ENDLESS = Machines(api=1e6, postgresql=1e6, mail=1e6, relay=1e6)
SMALL = Machines(api=0.02, postgresql=0.02, mail=0.1, relay=20.0, queue_limit=2_000.0)
"""Far too little, so that every part is full."""
MINUTES = 600
"""Ten minutes of the hour, in seconds."""


def noted(date: str = "2026-11-29") -> dict[str, Any]:
    """A line of the history."""
    call = {"rate": 3_000.0, "api": 150.0, "postgresql": 50.0, "wal": 1_500.0, "transactions": 0.02, "disk": 900.0}
    calls = {
        name: call | {"bytes": 700.0}
        for name in (JOINS[0], "leaves", "purchases", "polls", "picture", "picture, 304")
    }
    calls[JOINS[1]] = calls[JOINS[0]] | {"postgresql": 200.0, "transactions": 0.1}
    calls[JOINS[2]] = calls[JOINS[0]] | {"postgresql": 800.0, "api": 600.0, "transactions": 1.2}
    email = {"rate": 300.0, "api": 2_000.0, "postgresql": 200.0, "wal": 7_000.0, "transactions": 0.4}
    stream = {"bytes": 10_000, "event": 30.0, "event_postgresql": 20.0, "process": 7e7}
    costs = {"date": date, "commit": "abc", "calls": calls, "email": email, "stream": stream}
    return {"date": date, "pgbench": {"one list": 1_000.0}, "costs": costs}


@pytest.fixture
def costs() -> Costs:
    return Costs.read([noted()])


def everyone(hour: Hour) -> float:
    """All fans, wherever they are."""
    return hour.queued[-1] + hour.waiting + hour.ready + hour.bought + hour.left + hour.refused


@pytest.mark.parametrize(
    "machines",
    [
        ENDLESS,
        SMALL,
        replace(SMALL, clusters=2),
        replace(SMALL, nodes=2, node_cores=0.005),
        replace(SMALL, standby=0.01, cached=True),
    ],
)
def test_every_fan_who_came_waits_was_served_left_or_was_refused(costs: Costs, machines: Machines) -> None:
    hour = simulate(TOUR, machines, costs)
    assert sum(hour.arrivals) == pytest.approx(FANS)
    assert everyone(hour) == pytest.approx(FANS)
    joined = hour.waiting + hour.ready + hour.bought + hour.left
    assert sum(hour.joined) == pytest.approx(joined)
    assert hour.ready + hour.bought > 0
    assert hour.emails + hour.unsent == pytest.approx(joined + hour.ready + hour.bought)
    assert min(hour.queued) >= 0
    assert min(hour.waiting, hour.ready, hour.bought, hour.left, hour.refused, hour.unsent) >= 0


@pytest.mark.parametrize(
    "machines",
    [SMALL, replace(SMALL, clusters=2), replace(SMALL, nodes=2, node_cores=0.005), replace(SMALL, standby=0.0005)],
)
def test_no_part_does_more_than_it_can(costs: Costs, machines: Machines) -> None:
    hour = simulate(TOUR, machines, costs, seconds=MINUTES)
    assert all(0 <= busy <= 1 + 1e-9 for part in PARTS for busy in hour.busy[part])
    assert max(hour.cores["API"]) <= machines.api + 1e-9
    assert max(hour.cores["PostgreSQL"]) <= machines.postgresql + 1e-9
    assert hour.short.keys() & {"API", "PostgreSQL", "nodes", "standbys"}
    for part in hour.short:
        assert max(hour.busy[part]) > 0.94


def test_the_lock_of_a_list_bounds_its_joins_however_many_machines_there_are(costs: Costs) -> None:
    # 64 joins, of which the first takes a millisecond and each other a third of one.
    assert costs.list_limit == pytest.approx(64 / (1 / 1_000 + 63 / 3_000))
    rush = replace(TOUR, fans=6_000_000, lists=1, organizations=1)
    hour = simulate(rush, ENDLESS, costs, seconds=MINUTES)
    assert max(hour.joined) <= costs.list_limit + 1e-6
    assert hour.bottleneck() == ("busiest list", 0)
    assert hour.queued[-1] > 0
    spread = simulate(replace(rush, lists=200, skew=0.0), ENDLESS, costs, seconds=MINUTES)
    assert sum(spread.joined) == pytest.approx(sum(hour.arrivals))
    assert spread.bottleneck() is None


def test_a_join_costs_what_was_measured_and_no_batch_costs_less(costs: Costs) -> None:
    alone, full = costs.join(1), costs.join(BATCH_LIMIT)
    assert (alone.postgresql, alone.api) == pytest.approx((800e-6, 600e-6))
    assert costs.join(10).postgresql == pytest.approx(200e-6, rel=0.01)
    assert full.postgresql == pytest.approx(50e-6)
    prices = [costs.join(batch).postgresql for batch in range(1, BATCH_LIMIT + 1)]
    assert prices == sorted(prices, reverse=True)


def test_a_busy_postgresql_makes_larger_batches_and_joins_go_on(costs: Costs) -> None:
    # A crowd on a few lists that closes its pages at once, so that joins are nearly all of the work.
    tour, machines = replace(TOUR, fans=3_000_000, stay_seconds=1.0), replace(ENDLESS, relay=1.0)
    free = simulate(tour, machines, costs, seconds=MINUTES)
    less = 0.7 * free.cores["PostgreSQL"][0]
    busy = simulate(tour, replace(machines, postgresql=less), costs, seconds=MINUTES)
    assert max(busy.cores["PostgreSQL"]) <= less + 1e-9
    assert sum(busy.joined) > 0.9 * sum(free.joined)
    assert busy.most_transactions < free.most_transactions
    assert "PostgreSQL" not in busy.short
    assert max(busy.queued) < 1
    starved = simulate(tour, replace(machines, postgresql=less / 30), costs, seconds=MINUTES)
    assert starved.bottleneck() == ("PostgreSQL", 0)
    assert sum(starved.joined) < sum(free.joined) / 2


def test_citus_joins_fewer_than_a_plain_postgresql_as_large_as_its_coordinator(costs: Costs) -> None:
    machines = replace(ENDLESS, postgresql=0.02)
    plain = simulate(TOUR, machines, costs, seconds=MINUTES)
    citus = simulate(TOUR, replace(machines, nodes=8, node_cores=10), costs, seconds=MINUTES)
    assert plain.bottleneck() is not None
    assert sum(citus.joined) < sum(plain.joined)
    assert max(citus.busy["PostgreSQL"]) > 0.99
    assert max(citus.busy["nodes"]) < 1 / CITUS_FACTOR


def test_clusters_divide_the_load_by_organization(costs: Costs) -> None:
    machines = replace(ENDLESS, postgresql=0.2)
    one = simulate(TOUR, machines, costs, seconds=MINUTES)
    four = simulate(TOUR, replace(machines, postgresql=0.8, clusters=4), costs, seconds=MINUTES)
    assert max(one.late) > 0
    assert max(four.late) < max(one.late)
    assert sum(four.arrivals) == pytest.approx(sum(one.arrivals))
    # The largest list is alone in being the largest: its cluster is busier than a fourth.
    assert max(four.busy["PostgreSQL"]) > max(four.cores["PostgreSQL"]) / 0.8


def test_a_cache_a_standby_and_workers_each_remove_what_they_are_for(costs: Costs) -> None:
    bare = simulate(TOUR, ENDLESS, costs, seconds=MINUTES)
    cached = simulate(TOUR, replace(ENDLESS, cached=True, caches=1), costs, seconds=MINUTES)
    assert max(cached.cores["API"]) < max(bare.cores["API"])
    assert cached.calls["pictures"] + cached.calls["pictures from the cache"] == pytest.approx(
        bare.calls["pictures"]
    )
    followed = simulate(TOUR, replace(ENDLESS, standby=1e6), costs, seconds=MINUTES)
    assert max(followed.cores["PostgreSQL"]) < max(bare.cores["PostgreSQL"])
    assert followed.cores["standbys"][-1] > 0
    slow = simulate(TOUR, replace(ENDLESS, relay=10.0), costs, seconds=MINUTES)
    assert slow.emails <= 10 * MINUTES
    assert slow.mail_wait[-1] == pytest.approx(slow.unsent / 10)
    assert slow.bottleneck() == ("e-mail", 1)
    assert max(bare.mail_wait) < 1


def test_arrivals_are_whole_at_the_end_of_the_hour_and_fall_all_the_time() -> None:
    tour = Tour()
    assert (tour.arrived(0), tour.arrived(HOUR)) == (0, 1)
    assert sum(map(tour.share, range(tour.lists))) == pytest.approx(1)
    rates = [tour.arrived(second + 1) - tour.arrived(second) for second in range(HOUR)]
    assert rates == sorted(rates, reverse=True)


def test_the_costs_are_those_of_the_newest_run_that_has_some() -> None:
    newer, older = noted(date="2026-12-01"), noted(date="2026-11-01")
    assert Costs.read([older, newer, {"date": "2026-12-02"}]).source.startswith("2026-12-01")
    with pytest.raises(ValueError, match="make bench"):
        Costs.read([{"date": "2026-12-02"}])


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="needs both marks"):
        replaced("no marks", "text")
