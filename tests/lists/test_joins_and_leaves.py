"""A user who joins and leaves again and again costs no other user anything: PostgreSQL reads as many blocks."""

import json
from typing import Any

from bench.fill import fill
from tests.support.lists import ORGANIZER, Lists
from waiting_list.lists import verbs
from waiting_list.lists.ranks import SEGMENT_BITS
from waiting_list.postgres.pool import connection
from waiting_list.postgres.statements import sql

WAITING = 2_000
OFTEN = 150
"""How often the user joins and leaves. With 2,500 times, the blocks were the same."""
SPARE = 6
"""Blocks: an index that grows by a level costs each look-up in it one more."""


async def blocks(lists: Lists, fan: str, number: int) -> dict[str, int]:
    """Return how many blocks PostgreSQL reads for the statements of another fan's calls."""
    list_id = lists.key.list_id
    statements: dict[str, tuple[Any, ...]] = {
        "lock_list": (list_id,),
        "read_latest_entries": (list_id, [fan]),
        "read_newest_entries": (list_id, [fan]),
        "read_rests": (list_id, 0, 6, 10, lists.now),
        "read_places": (list_id, [number]),
        "read_first_waiting": (list_id, 10),
        "read_first_fitting": (list_id, 0, 2, 10, [False], False),
        "read_due_entries": (list_id, lists.now, 500),
        "read_queue": (list_id, SEGMENT_BITS, -1, 0),
    }
    found = {}
    async with connection(lists.pool) as acquired:
        for name, arguments in statements.items():
            text = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql(name)}"
            for _ in range(2):  # the first reader of a block cleans it up
                plan = json.loads(await acquired.fetchval(text, *arguments))[0]["Plan"]
            found[name] = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return found


async def test_a_user_who_joins_and_leaves_all_the_time_costs_no_other_user_a_block(lists: Lists) -> None:
    async with connection(lists.pool) as acquired:
        for table in ("entries", "segments", "inventory", "history"):
            # A vacuum in the middle would hide what the dead rows cost until then.
            await acquired.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
        list_id, until = lists.key.list_id, lists.now
        await fill(acquired, list_id, ready=0, waiting=WAITING, joined_at=lists.now, ready_until=until)
    await lists.join("first", 2)  # so that the list has a history
    async with connection(lists.pool) as acquired:
        await acquired.execute("ANALYZE history")  # as the worker does; without figures, the planner guesses
    middle, last = WAITING // 2, WAITING
    before = await blocks(lists, f"u{middle}", middle)
    behind = await blocks(lists, f"u{last}", last)
    for _ in range(OFTEN):
        for verb, wish in ((verbs.join, {"tickets_wanted": 2}), (verbs.leave, {})):
            await lists.engine.at(lists.now).run(lists.key, ORGANIZER, verb, user_id="restless", **wish)
    late = await lists.join("late", 2)
    assert (late.number, late.position) == (WAITING + OFTEN + 2, WAITING + 2)
    after = await blocks(lists, f"u{middle}", middle)
    assert {name: after[name] for name, count in before.items() if after[name] > count + SPARE} == {}
    after = await blocks(lists, "late", late.number)
    assert {name: after[name] for name, count in behind.items() if after[name] > count + SPARE} == {}
