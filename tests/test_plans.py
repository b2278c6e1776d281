"""The hot statements at 200,000 waiting: none reads the list, however long it is."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from bench.fill import fill
from tests.lists import Lists
from waiting_list.database import connection, sql
from waiting_list.ledger import RANK_STEP, SEGMENT_BITS

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
        "read_places": (list_id, [middle]),
        "read_first_waiting": (list_id, 100),
        "read_first_fitting": (list_id, rank, 2, 10),
        "read_active_before": (list_id, rank, 1, 1),
        "read_due_entries": (list_id, long_list.now, 500),
        "read_newest_holds": (list_id, 2),
        "read_entries_of_user": (list_id, f"u{middle}"),
        "read_newest_entries": (list_id, [f"u{middle}"]),
        "read_queue_head": (list_id,),
        "read_queue": (list_id, SEGMENT_BITS),
        "read_changed_lists": ([list_id], [0], [None], SEGMENT_BITS),
        "read_due_lists": (),
        "read_next_due": (),
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
