"""The counts of a list's changes: statistics are the same whether the worker has counted all, some or none."""

import asyncio
import random
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

import pytest

from tests.support.lists import LIST, ORGANIZATION, Lists
from tests.support.until import until, working
from waiting_list.audit.report import Check
from waiting_list.audit.run import audit_lists
from waiting_list.lists import counts
from waiting_list.lists.queries.entries import EntryFilter
from waiting_list.lists.queries.lists import waiting_lists
from waiting_list.lists.queries.models import ListSummary, Statistics
from waiting_list.lists.queries.statistics import read_statistics
from waiting_list.maintenance import Maintenance
from waiting_list.problems import Problem

# What statistics are, said a second time and in the plainest way: from the whole history, and from all entries.
_PERIODS = """
WITH changes AS (
    SELECT h.sequence, h.at, h.number, h.verb, h.verb = 'promote' AND h.after ->> 'status' = 'ready' AS is_turn,
        CASE WHEN h.verb = 'buy' THEN (h.before ->> 'available_stock')::int - (h.after ->> 'available_stock')::int
            END AS bought,
        CASE WHEN h.after ? 'tickets_wanted' THEN (h.after ->> 'tickets_wanted')::int
            - coalesce((h.before ->> 'tickets_wanted')::int, 0) ELSE 0 END AS more_wanted,
        (h.after ->> 'tickets_held')::int - (h.before ->> 'tickets_held')::int AS more_held,
        CASE WHEN h.after ->> 'status' = 'waiting' THEN 1 WHEN h.before ->> 'status' = 'waiting' THEN -1 ELSE 0 END
            AS more_waiting
    FROM history h WHERE h.list_id = $1 AND h.verb <> 'erase'
), entries_then AS (
    SELECT c.*, sum(c.more_wanted) OVER so_far AS wanted, sum(c.more_waiting) OVER so_far AS waiting
    FROM changes c WINDOW so_far AS (PARTITION BY c.number ORDER BY c.sequence ROWS UNBOUNDED PRECEDING)
)
SELECT date_trunc($2, t.at, 'Europe/Paris') AS period_at, count(*) FILTER (WHERE t.verb = 'join') AS joins,
    count(*) FILTER (WHERE t.is_turn) AS promotions, count(*) FILTER (WHERE t.verb = 'buy') AS purchases,
    coalesce(sum(t.bought), 0) AS tickets_bought, count(*) FILTER (WHERE t.verb = 'expire') AS expiries,
    count(*) FILTER (WHERE t.verb IN ('leave', 'remove')) AS departures,
    (sum(sum(t.wanted * t.waiting - (t.wanted - t.more_wanted) * (t.waiting - t.more_waiting)))
        OVER (ORDER BY date_trunc($2, t.at, 'Europe/Paris')))::bigint AS tickets_waiting,
    (sum(coalesce(sum(t.more_held), 0))
        OVER (ORDER BY date_trunc($2, t.at, 'Europe/Paris')))::bigint AS tickets_held
FROM entries_then t GROUP BY 1 ORDER BY 1
"""
_MEDIAN = """
SELECT extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY e.ready_at - e.joined_at))::float8 AS median
FROM entries e WHERE e.list_id = $1 AND e.ready_at IS NOT NULL
"""
_SUMMARY = """
SELECT count(*) FILTER (WHERE status = 'waiting') AS waiting, count(*) FILTER (WHERE status = 'ready') AS ready,
    count(*) FILTER (WHERE status = 'left') AS left,
    coalesce(sum(tickets_wanted) FILTER (WHERE status = 'waiting'), 0) AS tickets_waiting,
    coalesce(sum(tickets_held) FILTER (WHERE status = 'ready'), 0) AS tickets_ready,
    coalesce(sum(tickets_wanted) FILTER (WHERE status = 'left'), 0) AS tickets_left,
    min(joined_at) FILTER (WHERE status = 'waiting') AS oldest_joined_at
FROM entries WHERE list_id = $1
"""
_NO_FILTER = EntryFilter()


async def random_story(lists: Lists, chance: random.Random, steps: int) -> None:
    """Verbs of all kinds, by fans and organizers, over some days. Those that are refused are left out."""
    await lists.configure(after_expiry=chance.choice(["leave", "requeue"]), hold_minutes=300)
    for _ in range(steps):
        user = f"u{chance.randrange(15)}"
        verbs: list[tuple[Any, ...]] = [
            (lists.join, user, chance.randint(1, 5), 1),
            (lists.join, user, chance.randint(1, 5), 1),
            (lists.change, user, chance.randint(1, 5), 1),
            (lists.leave, user),
            (lists.remove, user),
            (lists.buy, user, 1),
            (lists.move, user, chance.choice(["first", "last"])),
            (lists.add_stock, chance.randint(1, 4)),
            (lists.expire,),
            (lists.erase, user),
        ]
        verb, *arguments = chance.choice(verbs)
        with suppress(Problem):
            await verb(*arguments)
        if chance.random() < 0.1:
            with suppress(Problem):
                await lists.remove_stock(chance.randint(1, 3), revoke_holds=True)
        lists.later(minutes=chance.choice([0, 1, 20, 200]))


async def shown(lists: Lists, period: Literal["hour", "day", "week"]) -> Statistics:
    return await read_statistics(lists.pool, LIST, organization_id=ORGANIZATION, period=period)


async def summary(lists: Lists, only: EntryFilter = _NO_FILTER) -> ListSummary:
    page = await waiting_lists(lists.pool, ORGANIZATION, only, limit=1, cursor=None)
    return page.items[0]


async def check(lists: Lists) -> None:
    """Compare all that is read of the counts with their definitions."""
    for period in ("hour", "day", "week"):
        told = await shown(lists, period)
        expected = [dict(row) for row in await lists.rows(_PERIODS, LIST.list_id, period)]
        assert [one.model_dump() for one in told.periods] == expected
    assert told.periods[-1].tickets_held == (await lists.rows("SELECT held FROM inventory"))[0]["held"]
    median = (await lists.rows(_MEDIAN, LIST.list_id))[0]["median"]
    assert told.median_wait_seconds == (median if median is None else pytest.approx(median, rel=0.01, abs=1e-6))
    (row,) = await lists.rows(_SUMMARY, LIST.list_id)
    told_of = await summary(lists)
    for status in ("waiting", "ready", "left"):
        assert getattr(told_of.entries, status) == row[status]
        assert getattr(told_of.tickets, status) == row[f"tickets_{status}"]
    assert told_of.oldest_joined_at == row["oldest_joined_at"]


@pytest.mark.parametrize("seed", range(2))
async def test_statistics_are_the_same_whether_all_some_or_no_changes_are_counted(lists: Lists, seed: int) -> None:
    chance = random.Random(seed)
    await random_story(lists, chance, 90)
    await check(lists)
    last = (await lists.rows("SELECT last_sequence FROM inventory"))[0][0]
    for round_ in range(1, last // 37 + 2):
        await counts.count_list(lists.pool, LIST.list_id, at_once=37)
        (row,) = await lists.rows("SELECT sequence FROM counted_lists")
        assert row["sequence"] == min(37 * round_, last)
        await check(lists)
    await random_story(lists, chance, 30)
    await check(lists)


async def test_tickets_held_are_counted_of_a_list_that_another_version_counted(lists: Lists) -> None:
    chance = random.Random(5)
    await random_story(lists, chance, 60)
    await counts.count_list(lists.pool, LIST.list_id)
    # As the migration leaves them, and as a version before that still runs counts on.
    await lists.rows("UPDATE counted_periods SET tickets_held = 0")
    await lists.rows("UPDATE counted_lists SET held_sequence = 0")
    await check(lists)
    await lists.audit()
    await random_story(lists, chance, 60)
    while await counts.count_changes(lists.pool, at_once=29):
        await check(lists)
    await counts.sweep_changes(lists.pool)
    (row,) = await lists.rows(
        "SELECT l.sequence, l.held_sequence, i.last_sequence FROM counted_lists l JOIN inventory i USING (list_id)"
    )
    assert row["sequence"] == row["held_sequence"] == row["last_sequence"]
    await check(lists)
    await lists.audit()


async def test_two_workers_count_no_change_twice(lists: Lists) -> None:
    for number in range(30):
        await lists.join(f"u{number}")
    await asyncio.gather(*(counts.count_list(lists.pool, LIST.list_id) for _ in range(8)))
    assert (await shown(lists, "day")).joins == 30
    (row,) = await lists.rows("SELECT sum(joins) AS joins FROM counted_periods")
    assert row["joins"] == 30


async def test_the_worker_counts_lists_with_enough_changes(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "LEAST_CHANGES", 10)
    lists.now = datetime.now(lists.now.tzinfo)
    for number in range(20):
        await lists.join(f"u{number}")

    async def is_counted() -> bool:
        rows = await lists.rows("SELECT sequence FROM counted_lists")
        return bool(rows) and rows[0]["sequence"] > 11

    async with working(Maintenance(lists.pool, lists.engine)):
        await until(is_counted)
    assert (await shown(lists, "day")).joins == 20


async def test_counting_waits_for_no_change_and_no_change_waits_for_counting(lists: Lists) -> None:
    await lists.join("ada")
    await counts.count_list(lists.pool, LIST.list_id)
    await lists.join("bob")
    async with lists.pool.acquire() as acquired, acquired.transaction():
        await acquired.execute("SELECT FROM inventory FOR UPDATE")
        async with asyncio.timeout(5):
            await counts.count_list(lists.pool, LIST.list_id)
    async with lists.pool.acquire() as acquired, acquired.transaction():
        await acquired.execute("SELECT FROM counted_lists FOR UPDATE")
        async with asyncio.timeout(5):
            await lists.join("cleo")
            await counts.count_list(lists.pool, LIST.list_id)  # leaves it to the other worker
    await check(lists)


@pytest.mark.parametrize("status", [["waiting"], ["ready"], ["left"], ["waiting", "left"], ["ready", "ready"]])
async def test_the_kept_counts_of_a_status_are_those_of_its_entries(lists: Lists, status: list[str]) -> None:
    await random_story(lists, random.Random(7), 80)
    counted = EntryFilter(status=status, joined_after=datetime.min.replace(tzinfo=lists.now.tzinfo))
    assert await summary(lists, EntryFilter(status=status)) == await summary(lists, counted)


async def test_a_list_without_an_entry_of_the_status_is_left_out(lists: Lists) -> None:
    for status in ("waiting", "ready", "left"):
        page = await waiting_lists(lists.pool, ORGANIZATION, EntryFilter(status=[status]), limit=1, cursor=None)
        assert page.items == []


@pytest.mark.parametrize(
    "corruption",
    [
        "UPDATE counted_lists SET tickets_left = tickets_left + 1",
        "UPDATE counted_lists SET sequence = sequence - 1",
        "UPDATE counted_waits SET entries = entries + 1",
        "DELETE FROM counted_periods",
        *(
            f"UPDATE counted_periods SET {name} = {name} + 1"
            for name in ("joins", "purchases", "expiries", "departures", "tickets_waiting", "tickets_held")
        ),
    ],
)
async def test_the_audit_finds_a_wrong_count(lists: Lists, corruption: str) -> None:
    await random_story(lists, random.Random(3), 40)
    await lists.audit()
    await lists.join("last")
    await lists.add_stock(50)
    await counts.count_list(lists.pool, LIST.list_id)
    await lists.join("later")
    await lists.audit()
    await lists.remove("last")
    async with lists.pool.acquire() as acquired:
        await counts.count_list(lists.pool, LIST.list_id)
        await acquired.execute(corruption)
    (report,) = [one async for one in audit_lists(lists.pool)]
    assert report.finding is not None
    assert report.finding.check is Check.COUNTER
