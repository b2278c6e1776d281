"""The plans of frequent statements with 200,000 waiting entries: none reads the whole list."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from bench.fill import fill
from tests.support.lists import Lists
from waiting_list.lists.models import ListKey
from waiting_list.lists.ranks import RANK_STEP, SEGMENT_BITS
from waiting_list.lists.verbs import FALLBACK_AFTER
from waiting_list.postgres.pool import connection
from waiting_list.postgres.statements import sql

WAITING = 200_000
READY = 2_000
_SEGMENT = (1 << SEGMENT_BITS) // RANK_STEP + 1
AT_MOST = 2 * _SEGMENT
"""Rows that a step of a plan may read: the ranks around one entry, and all segments, but not the list."""


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from steps(below)


@pytest.fixture
async def long_list(lists: Lists) -> Lists:
    async with connection(lists.pool) as acquired:
        list_id, until = lists.key.list_id, lists.now + timedelta(days=1)
        await fill(acquired, list_id, ready=READY, waiting=WAITING, joined_at=lists.now, ready_until=until)
        await acquired.execute("ANALYZE")
    return lists


async def test_no_hot_statement_reads_the_whole_list(long_list: Lists) -> None:
    list_id, middle = long_list.key.list_id, WAITING // 2
    rank = middle * RANK_STEP
    hot: dict[str, tuple[Any, ...]] = {
        "read_latest_entries": (list_id, [f"u{n}" for n in range(middle, middle + 50)]),
        "read_locked_list": (list_id, None, [f"u{n}" for n in range(middle, middle + 50)]),
        "read_earlier_joins": (list_id, [f"u{n}" for n in range(middle, middle + 50)], long_list.now, 20),
        "read_other_places": (list_id, [f"u{n}" for n in range(middle, middle + 50)], "ev_1"),
        "read_places": (list_id, [middle]),
        "read_first_waiting": (list_id, 100),
        "read_first_fitting": (list_id, rank, 2, 10, [False], False),
        "read_rests": (list_id, rank, 6, 10, long_list.now),
        "read_active_before": (list_id, rank, 1, 1),
        "read_due_entries": (list_id, long_list.now, 500),
        "read_newest_holds": (list_id, 2),
        "read_entries_of_user": (list_id, f"u{middle}"),
        "read_newest_entries": (list_id, [f"u{middle}"]),
        "read_queue": (list_id, SEGMENT_BITS, -1, 0),
        "read_changed_lists": ([list_id], [0], [None], SEGMENT_BITS),
        "read_due_lists": (timedelta(minutes=15), FALLBACK_AFTER),
        "read_next_due": (timedelta(minutes=15),),
    }
    async with connection(long_list.pool) as acquired:
        for name, arguments in hot.items():
            shown = await acquired.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql(name)}", *arguments)
            for step in steps(json.loads(shown)[0]["Plan"]):
                read = (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"]
                scans_list = step["Node Type"] == "Seq Scan" and step["Relation Name"] in ("entries", "history")
                most = READY + 1 if name == "read_newest_holds" else AT_MOST
                assert not scans_list, (name, step)
                assert read <= most, (name, step["Node Type"], read)


async def test_plans_made_on_an_empty_table_stay_good(lists: Lists) -> None:
    """What asyncpg prepared before anybody had joined goes on to be used while a hundred thousand do."""
    key, pool = lists.key, lists.pool
    elsewhere = ListKey("off_2", "rep_2")
    rank = 50_000 * RANK_STEP
    statements: dict[str, tuple[Any, ...]] = {
        "read_latest_entries": (key.list_id, ["u50000"]),
        "read_locked_list": (key.list_id, lists.now, ["u50000"]),
        "read_other_places": (elsewhere.list_id, [f"u{n}" for n in range(50_000, 50_032)], "ev_1"),
        "read_places": (key.list_id, [50_000]),
        "read_first_waiting": (key.list_id, 100),
        "read_first_fitting": (key.list_id, rank, 2, 10, [False], False),
        "read_active_before": (key.list_id, rank, 1, 1),
        # For one user alone the list would not be read even by the wrong plan.
        "read_newest_entries": (key.list_id, [f"u{n}" for n in range(50_000, 50_032)]),
        "read_queue": (key.list_id, SEGMENT_BITS, -1, 0),
    }
    async with connection(pool) as acquired:
        # Before, since it makes plans anew.
        await acquired.execute("ALTER TABLE entries SET (autovacuum_enabled = false)")
        for name, arguments in statements.items():
            types = ", ".join(
                "boolean[]" if one in ([False], [False, True]) else _TYPES[type(one)] for one in arguments
            )
            await acquired.execute(f"PREPARE {name} ({types}) AS {sql(name)}")
            await acquired.execute(f"EXECUTE {name} ({', '.join(map(_literal, arguments))})")
        until = lists.now + timedelta(days=1)
        for name, parameters in _WRITES.items():
            await acquired.execute(f"PREPARE {name} AS {sql(name)}")
            plan = await acquired.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE {name} ({_nulls(parameters)})")
            found = {step["Node Type"] for step in steps(json.loads(plan)[0]["Plan"])}
            # Each of these would read the whole list to change one entry of it.
            assert found.isdisjoint({"Seq Scan", "Hash Join", "Merge Join"}), (name, found)
            # The planner takes a list with few segments for one that stays so.
            scans = [step for step in steps(json.loads(plan)[0]["Plan"]) if step.get("Alias") == "x"]
            assert ["bits" in step["Index Cond"] for step in scans] == [True], (name, scans)
        await fill(acquired, key.list_id, ready=0, waiting=100_000, joined_at=lists.now, ready_until=until)
        for name, arguments in statements.items():
            text = f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {name} ({', '.join(map(_literal, arguments))})"
            for step in steps(json.loads(await acquired.fetchval(text))[0]["Plan"]):
                read = (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"]
                assert read <= AT_MOST, (name, step["Node Type"], step.get("Index Name"), read)


async def test_no_statement_of_telling_or_delivering_reads_more_than_it_is_about(lists: Lists) -> None:
    """With 20,000 notices due of one list, and plans that were made while there was none."""
    key, many = lists.key, 20_000
    numbers, at = list(range(1, 101)), lists.now
    ids, texts = [uuid4() for _ in numbers], ["ready"] * len(numbers)
    ones, hashes = [1] * len(numbers), [rf"\\\\x{number:04}" for number in numbers]
    statements: dict[str, tuple[Any, ...]] = {
        "insert_letters": (
            key.list_id,
            "org_1",
            at,
            True,
            "sms_1",
            ids,
            texts,
            numbers,
            numbers,
            [at] * len(numbers),
        ),
        "copy_contacts": (key.list_id, [many + 1], [1], ["false"], [1]),
        "read_mailboxes": (key.list_id, hashes, 1000),
        "release_mailboxes": (key.list_id, numbers),
        "copy_traces": (key.list_id, [many + 1], [1]),
        "delete_traces": (key.list_id, numbers),
        "read_letter_facts": (key.list_id, numbers),
        "make_links": (key.list_id, numbers, ones, hashes),
        "claim_notices": (key.list_id, "", 100, timedelta(seconds=90)),
        "record_attempts": (key.list_id, ids, ones, ["sent"] * 100, ones, numbers, texts, numbers),
        "delete_notices_of_entries": (key.list_id, numbers),
        "delete_contacts": (key.list_id, numbers),
    }
    async with connection(lists.pool) as acquired:
        # Before, since it makes plans anew.
        for table in ("entries", "contacts", "outbox"):
            await acquired.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
        for name in statements:
            await acquired.execute(f"PREPARE {name} AS {sql(name)}")
        for name, arguments in statements.items():
            await acquired.execute(f"EXECUTE {name} ({', '.join(map(_quoted, arguments))})")
        until = lists.now + timedelta(days=1)
        await fill(acquired, key.list_id, ready=0, waiting=many + 1, joined_at=lists.now, ready_until=until)
        await acquired.execute(
            "INSERT INTO contacts (list_id, number, email) SELECT $1, n, 'a@example.org'"
            " FROM generate_series(1, $2::integer) n",
            key.list_id,
            many,
        )
        await acquired.execute(
            "INSERT INTO outbox (list_id, notice_id, organization_id, webhook_id, type, number, created_at,"
            " due_at) SELECT $1, gen_random_uuid(), 'org', w, 'ready', n, now(), now()"
            " FROM generate_series(1, $2::integer) n, (VALUES (NULL), ('wh_1')) AS v (w)",
            key.list_id,
            many,
        )
        for name, arguments in statements.items():
            text = f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {name} ({', '.join(map(_quoted, arguments))})"
            for step in steps(json.loads(await acquired.fetchval(text))[0]["Plan"]):
                read = (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"]
                # A hundred may be compared with each other; a list would be at least twice that.
                assert read <= 100 * 100, (name, step["Node Type"], step.get("Index Name"), read)


async def test_no_statement_of_a_private_link_reads_the_list(lists: Lists) -> None:
    """With 20,000 contacts of one list, of which the planner knows nothing."""
    key, many = lists.key, 20_000
    statements: dict[str, tuple[Any, ...]] = {
        "read_linked_entry": (key.list_id, hash_of(many)),
        "read_place": (key.list_id, many),
        "read_link_version": (key.list_id, many),
        "read_contact_of_user": (key.list_id, f"u{many}"),
        "make_link": (key.list_id, many, 1, hash_of(0)),
        "set_subscribed": (key.list_id, many, False, lists.now),
        "revoke_link": (key.list_id, many),
    }
    async with connection(lists.pool) as acquired:
        for table in ("entries", "contacts"):
            await acquired.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
        until = lists.now + timedelta(days=1)
        await fill(acquired, key.list_id, ready=0, waiting=many, joined_at=lists.now, ready_until=until)
        await acquired.execute(
            "INSERT INTO contacts (list_id, number, link_hash)"
            " SELECT $1, n, decode(lpad(to_hex(n), 64, '0'), 'hex') FROM generate_series(1, $2::integer) n",
            key.list_id,
            many,
        )
        for name, arguments in statements.items():
            shown = await acquired.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql(name)}", *arguments)
            plan = json.loads(shown)[0]["Plan"]
            assert plan["Actual Rows"] == name.startswith("read_"), name
            for step in steps(plan):
                read = (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"]
                assert read <= AT_MOST, (name, step["Node Type"], step.get("Index Name"), read)


async def test_the_pace_of_a_line_reads_whose_turn_came_and_nothing_else(lists: Lists) -> None:
    """Of 50,000 joins, with a promotion every thousand."""
    until, joined_at = lists.now, datetime.now(UTC) - timedelta(days=60)
    async with connection(lists.pool) as acquired:
        await fill(acquired, lists.key.list_id, ready=0, waiting=50_000, joined_at=joined_at, ready_until=until)
        await acquired.execute(
            "INSERT INTO history (list_id, sequence, at, actor, verb, number, after)"
            " SELECT $1, n + 1, now() - make_interval(mins => 50001 - n), 'user',"
            " CASE WHEN n % 1000 = 0 THEN 'promote' ELSE 'join' END, n,"
            ' \'{"status": "ready", "tickets_held": 1}\''
            " FROM generate_series(1, 50000) n",
            lists.key.list_id,
        )
        since, width = datetime.now(UTC) - timedelta(days=14), timedelta(hours=12)
        shown = await acquired.fetchval(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {sql('read_pace')}", lists.key.list_id, since, width
        )
        plan = json.loads(shown)[0]["Plan"]
        assert plan["Actual Rows"] > 20
        for step in steps(plan):
            read = (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"]
            assert read <= 50, (step["Node Type"], step.get("Index Name"), read)


async def test_to_forget_a_reason_does_not_read_the_history(lists: Lists) -> None:
    """It happens under the list's lock: of 50,000 changes, a hundred with a reason, it reads one."""
    async with connection(lists.pool) as acquired:
        await acquired.execute(
            "INSERT INTO history (list_id, sequence, at, actor, verb, number, after, reason)"
            " SELECT $1, n + 1, now(), 'user', 'move', n, '{}', CASE WHEN n % 500 = 0 THEN 'why' END"
            " FROM generate_series(1, 50000) n",
            lists.key.list_id,
        )
        await acquired.execute("ANALYZE history")
        shown = await acquired.fetchval(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {sql('forget_reasons')}", lists.key.list_id, [25_000]
        )
    found = list(steps(json.loads(shown)[0]["Plan"]))
    assert max(step["Actual Rows"] for step in found) == 1
    for step in found:
        read = (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"]
        assert read <= 100, (step["Node Type"], step.get("Index Name"), read)


def hash_of(number: int) -> bytes:
    return number.to_bytes(32, "big")


_WRITES = {
    "write_changes": 51,
}
"""How many parameters each takes."""
_TYPES = {UUID: "uuid", bool: "boolean", datetime: "timestamptz", list: "text[]", int: "bigint", str: "text"}


def _nulls(count: int) -> str:
    return ", ".join(["NULL"] * count)


def _quoted(value: object) -> str:
    """A literal of whatever type the statement takes there."""
    return f"'{{{','.join(map(str, value))}}}'" if isinstance(value, list) else f"'{value}'"


def _literal(value: object) -> str:
    if isinstance(value, list):
        return f"ARRAY[{', '.join(map(_literal, value))}]"
    return str(value) if isinstance(value, int) else f"'{value}'"
