"""Erasing a person, and pruning lists that ended long enough ago: names go, and everything else stays."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from tests.proofs.test_plans import steps
from tests.support.lists import ORGANIZATION, ORGANIZER, START, Lists
from tests.support.until import until, working
from waiting_list.lists import verbs
from waiting_list.lists.engine import SERVICE
from waiting_list.lists.models import LeftReason, ListKey, Status
from waiting_list.lists.queries.statistics import read_statistics
from waiting_list.maintenance import Maintenance
from waiting_list.postgres.pool import connection, snapshot
from waiting_list.postgres.statements import sql
from waiting_list.problems import NotInList
from waiting_list.settings import Settings

KEPT = timedelta(days=30)
OTHER = ListKey("off_2", "rep_2")
STAYS = "SELECT number, status, left_reason, tickets_wanted, rank, joined_at, left_at FROM entries ORDER BY number"


async def named(lists: Lists) -> list[tuple[int, str]]:
    """Return (number, user) of the entries of the list that still have a user."""
    records = await lists.rows(
        "SELECT number, user_id FROM entries WHERE list_id = $1 AND user_id IS NOT NULL ORDER BY number",
        lists.key.list_id,
    )
    return [tuple(record) for record in records]


async def is_pruned(lists: Lists) -> bool:
    """Return whether maintenance leaves the list alone until it ends again."""
    ((found,),) = await lists.rows(
        "SELECT ended_at IS NULL OR ended_at <= pruned_at FROM inventory WHERE list_id = $1", lists.key.list_id
    )
    return bool(found)


async def prune(lists: Lists, at_most: int = 500) -> list[tuple[int, str]]:
    await lists.engine.at(lists.now).run(lists.key, SERVICE, verbs.prune, kept=KEPT, at_most=at_most)
    return await named(lists)


async def end(lists: Lists, start: datetime = START) -> None:
    lists.now = start
    await lists.end()


async def due(lists: Lists, kept: timedelta = timedelta(0)) -> list[ListKey]:
    async with snapshot(lists.pool) as acquired:
        records = await acquired.fetch(sql("read_lists_to_prune"), kept, kept, 500)
    return [ListKey(*record[:2]) for record in records]


async def test_an_erased_person_is_out_and_forgotten_but_the_numbers_stay(lists: Lists) -> None:
    await lists.join("ada", 2)
    await lists.join("bob")
    await lists.add_stock(2)
    answer = await lists.erase("ada")
    assert [entry.user_id for entry in answer.promoted] == ["bob"]
    with pytest.raises(NotInList):
        await lists.entry("ada")
    assert not [row for rows in (await lists.tables()).values() for row in rows if "ada" in row]
    assert (await lists.join("ada")).number == 3
    await lists.audit()


async def test_the_people_of_a_list_are_forgotten_so_long_after_its_end_and_not_before(lists: Lists) -> None:
    await lists.join("ada", 2, email="ada@example.org", name="Ada", email_verified=True)
    await lists.join("bob", 2)
    await lists.join("cleo", 1)
    await lists.engine.at(lists.now).run(
        lists.key, ORGANIZER, verbs.move, user_id="cleo", to="first", reason="promised"
    )
    await lists.add_stock(3)
    await lists.buy("ada")
    await end(lists)
    entries = await lists.rows(STAYS)
    inventory, history = await lists.inventory(), await lists.history()
    statistics = await _statistics(lists)
    lists.later(days=29, hours=23)
    assert len(await prune(lists)) == 3
    lists.later(hours=1)
    assert await prune(lists) == []
    assert await lists.rows(STAYS) == entries
    assert await lists.inventory() == inventory
    assert await lists.history() == [*history, ("erase", 1), ("erase", 2), ("erase", 3)]
    assert await _statistics(lists) == statistics
    assert await lists.rows("SELECT number FROM contacts") == []
    assert await lists.rows("SELECT reason FROM history WHERE reason IS NOT NULL") == []
    await lists.audit()


async def test_a_list_is_pruned_in_chunks_and_again_changes_nothing(lists: Lists) -> None:
    for n in range(1, 6):
        await lists.join(f"u{n}", email=f"u{n}@example.org")
    await lists.erase("u2")
    await end(lists)
    lists.later(days=30)
    assert await prune(lists, 2) == [(4, "u4"), (5, "u5")]
    await lists.audit()
    assert await prune(lists, 2) == []
    assert not await is_pruned(lists), "whether more is left is known after the next chunk"
    assert await prune(lists, 2) == []
    assert await is_pruned(lists)
    before = await lists.tables()
    await prune(lists)
    assert (await lists.tables())["history"] == before["history"]
    await lists.audit()


async def test_a_list_whose_show_is_put_off_is_left_alone_until_it_has_ended_again(lists: Lists) -> None:
    await lists.join("ada")
    await end(lists)
    lists.later(days=30)
    later = lists.now + timedelta(days=10)
    await lists.reschedule(later)
    assert await prune(lists) == [(1, "ada")]
    await lists.join("bob")
    await end(lists, later)
    lists.later(days=29)
    assert await prune(lists) == [(1, "ada"), (2, "bob")]
    lists.later(days=1)
    assert await prune(lists) == []


async def test_a_list_that_takes_entries_after_it_was_pruned_is_pruned_again(lists: Lists) -> None:
    await lists.join("ada")
    await end(lists)
    lists.later(days=30)
    assert await prune(lists) == []
    await lists.reschedule(lists.now + timedelta(days=1))
    await lists.join("ada")
    await lists.join("bob")
    assert await prune(lists) == [(2, "ada"), (3, "bob")]
    lists.later(days=1)
    assert await prune(lists) == [(2, "ada"), (3, "bob")], "the show has begun, and the worker is late"
    assert await is_pruned(lists)
    await lists.end()
    assert not await is_pruned(lists)
    lists.later(days=30)
    assert await prune(lists) == []
    assert await is_pruned(lists)
    await lists.audit()


async def test_who_still_waits_or_holds_tickets_is_never_pruned(lists: Lists) -> None:
    """A show may be put off and brought forward again before maintenance has ended the list."""
    await end(lists)
    await lists.reschedule(START + timedelta(days=60))
    await lists.join("ada")
    await lists.join("bob")
    await lists.add_stock(1)
    await lists.reschedule(START - timedelta(days=1))
    lists.later(days=59)
    assert await prune(lists) == [(1, "ada"), (2, "bob")]
    assert [await lists.status(name) for name in ("ada", "bob")] == [Status.READY, Status.WAITING]


async def test_a_person_in_several_lists_keeps_the_others(lists: Lists) -> None:
    first = lists.key
    await lists.add_list(OTHER, start=START + timedelta(days=90))
    for key in (first, OTHER):
        lists.key = key
        await lists.join("ada", email="ada@example.org")
    lists.key = first
    await end(lists)
    lists.later(days=30)
    assert await prune(lists) == []
    lists.key = OTHER
    assert await prune(lists) == [(1, "ada")]
    assert len(await lists.rows("SELECT number FROM contacts")) == 1
    assert await lists.status("ada") is Status.WAITING


async def test_only_lists_that_ended_long_enough_ago_are_due(lists: Lists) -> None:
    lists.now = datetime.now(UTC)
    await lists.reschedule(lists.now + timedelta(hours=1))
    await lists.join("ada")
    assert await due(lists) == []
    await lists.configure(closes_at=lists.now)
    assert await due(lists) == [], "it has yet to end for who is in it"
    await lists.engine.run(lists.key, SERVICE, verbs.end)
    assert await due(lists) == [lists.key]
    assert await due(lists, timedelta(minutes=1)) == []
    await lists.rows("UPDATE inventory SET pruned_at = ended_at - interval '1 day'")
    assert await due(lists) == [lists.key], "it has ended again since it was pruned"
    await lists.rows("UPDATE inventory SET pruned_at = ended_at")
    assert await due(lists) == []
    await lists.rows("UPDATE inventory SET pruned_at = NULL")
    await lists.configure(closes_at=lists.now + timedelta(minutes=1))
    assert await due(lists) == []


@pytest.mark.parametrize(
    ("longest", "days", "ended_days_ago", "gone"),
    [
        (None, None, 400, False),
        (None, 60, 59, False),
        (None, 60, 61, True),
        (30, 60, 31, True),
        (90, 60, 61, True),
        (90, 60, 59, False),
        (90, None, 89, False),
        (90, None, 91, True),
    ],
)
async def test_the_shorter_time_of_the_deployment_and_the_organization_counts(
    lists: Lists, longest: int | None, days: int | None, ended_days_ago: int, gone: bool
) -> None:
    lists.now = datetime.now(UTC) - timedelta(days=ended_days_ago, hours=1)
    await lists.reschedule(lists.now + timedelta(hours=1))
    await lists.join("ada")
    lists.later(hours=1)
    await lists.end()
    statement = "INSERT INTO organizations (organization_id, personal_data_kept_days) VALUES ($1, $2)"
    await lists.rows(statement, ORGANIZATION, days)
    await lists.rows(statement, "another", 1)
    kept = timedelta(days=longest) if longest else None
    maintenance = Maintenance(lists.pool, lists.engine, personal_data_kept=kept)
    await maintenance.work()
    assert await named(lists) == ([] if gone else [(1, "ada")])
    assert await is_pruned(lists) == gone


async def test_several_workers_prune_every_list_to_its_end(lists: Lists) -> None:
    keys = [lists.key, *(ListKey(f"off_{n}", f"rep_{n}") for n in range(2, 22))]
    lists.now = datetime.now(UTC)
    for key in keys[1:]:
        await lists.add_list(key, start=lists.now + timedelta(days=1))
    await lists.reschedule(lists.now + timedelta(days=1))
    for key in keys:
        lists.key = key
        for n in range(3):
            await lists.join(f"u{n}")
    await lists.rows("UPDATE representations SET start_datetime = now()")

    async def pruned() -> bool:
        ((left,),) = await lists.rows("SELECT count(*) FROM inventory WHERE pruned_at IS NULL")
        return bool(left == 0)

    async with working(
        *(Maintenance(lists.pool, lists.engine, personal_data_kept=timedelta(0)) for _ in range(4))
    ):
        # If it looked before all lists had ended, it would look again in a minute, too late for this test.
        await until(lambda: _all_ended(lists))
    async with working(
        *(Maintenance(lists.pool, lists.engine, personal_data_kept=timedelta(0)) for _ in range(4))
    ):
        await until(pruned, seconds=10)
    assert await lists.rows("SELECT 1 FROM entries WHERE user_id IS NOT NULL") == []
    assert (
        await lists.rows("SELECT 1 FROM history WHERE verb = 'erase' GROUP BY list_id, number HAVING count(*) > 1")
        == []
    )
    await lists.audit()


async def _all_ended(lists: Lists) -> bool:
    ((left,),) = await lists.rows("SELECT count(*) FROM inventory WHERE ended_at IS NULL OR waiting > 0")
    return bool(left == 0)


async def test_nothing_is_pruned_unless_it_is_asked_for(lists: Lists) -> None:
    assert Settings().personal_data_kept is None
    assert Settings(personal_data_kept_days=1.5).personal_data_kept == timedelta(hours=36)
    for wrong in (0, -1, 40_000):
        with pytest.raises(ValidationError):
            Settings(personal_data_kept_days=wrong)
    await lists.join("ada")
    await end(lists)
    await lists.rows("UPDATE representations SET start_datetime = now() - interval '20 years'")
    await lists.rows("UPDATE inventory SET ended_at = now() - interval '20 years'")
    await Maintenance(lists.pool, lists.engine).work()
    assert await named(lists) == [(1, "ada")]


async def test_an_erasure_a_purchase_and_a_pruning_at_once_do_each_other_no_harm(lists: Lists) -> None:
    lists.now = datetime.now(UTC)
    await lists.reschedule(lists.now + timedelta(days=1))
    for n in range(20):
        await lists.join(f"u{n}")
    await lists.configure(closes_at=lists.now)
    key, engine = lists.key, lists.engine
    await asyncio.gather(
        *(engine.run(key, SERVICE, verbs.prune, kept=timedelta(0), at_most=3) for _ in range(10)),
        *(engine.run(key, ORGANIZER, verbs.erase, user_id=f"u{n}") for n in range(0, 20, 3)),
        *(engine.run(key, SERVICE, verbs.end, at_most=4) for _ in range(5)),
    )
    for _ in range(8):
        await engine.run(key, SERVICE, verbs.prune, kept=timedelta(0), at_most=3)
    assert await named(lists) == []
    reasons = {row[0] for row in await lists.rows("SELECT DISTINCT left_reason FROM entries")}
    assert reasons <= {LeftReason.ENDED, LeftReason.REMOVED}
    await lists.audit()


async def test_to_look_for_what_to_prune_reads_nothing_where_nothing_is_due(lists: Lists) -> None:
    """At 100,000 lists that ended and were pruned, and of one with 50,000 entries, of which most were."""
    many = 100_000
    await lists.join("ada")
    async with connection(lists.pool) as acquired:
        await acquired.execute(
            "INSERT INTO inventory (list_id, organization_id, event_id, offer_id, representation_id, total_stock,"
            " available_stock, waiting_list_open, ended_at, pruned_at)"
            " SELECT gen_random_uuid(), organization_id, event_id, offer_id, representation_id, 1, 0, true,"
            " now() - interval '400 days', now() - interval '300 days'"
            " FROM inventory, generate_series(1, $1::integer)",
            many,
        )
        await acquired.execute("ANALYZE inventory")
    async with snapshot(lists.pool) as acquired:
        text = f"EXPLAIN (ANALYZE, FORMAT JSON) {sql('read_lists_to_prune')}"
        shown = json.loads(await acquired.fetchval(text, KEPT, KEPT, 16))[0]["Plan"]
    assert _rows_read(shown) <= 1
    async with connection(lists.pool) as acquired:
        await acquired.execute(
            "INSERT INTO entries (list_id, number, user_id, status, left_reason, tickets_wanted, tickets_minimum,"
            " rank, joined_at, left_at) SELECT $1, n, CASE WHEN n > 40000 THEN 'u' || n END, 'left', 'ended', 1,"
            " 1, n * 1000000::bigint, now(), now() FROM generate_series(2, 50000) n",
            lists.key.list_id,
        )
        await acquired.execute("UPDATE inventory SET pruned_number = 40000 WHERE list_id = $1", lists.key.list_id)
        await acquired.execute("ANALYZE entries")
        text = f"EXPLAIN (ANALYZE, FORMAT JSON) {sql('read_entries_to_prune')}"
        shown = json.loads(await acquired.fetchval(text, lists.key.list_id, 500))[0]["Plan"]
    assert shown["Actual Rows"] == 500
    assert _rows_read(shown) <= 500


def _rows_read(plan: dict[str, object]) -> float:
    return max(
        (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"]
        for step in steps(plan)
    )


async def _statistics(lists: Lists) -> object:
    return await read_statistics(lists.pool, lists.key, organization_id=ORGANIZATION, period="day")
