"""The hot statements at 200,000 waiting: none reads the list, however long it is."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lists import Lists
from waiting_list.database import connection, sql
from waiting_list.ledger import RANK_STEP, SEGMENT_BITS

WAITING = 200_000
READY = 2_000
_SEGMENT = (1 << SEGMENT_BITS) // RANK_STEP + 1
AT_MOST = 2 * _SEGMENT
"""Rows that a step of a plan may read: the ranks around one entry, and all segments, but not the list."""
_FILL = f"""
INSERT INTO entries (list_id, number, user_id, status, tickets_wanted, tickets_minimum, tickets_held, rank,
    passed_over, joined_at, ready_at, ready_until)
SELECT $1, n, 'u' || n, CASE WHEN n <= {READY} THEN 'ready' ELSE 'waiting' END, 2, 2,
    CASE WHEN n <= {READY} THEN 2 ELSE 0 END, n::bigint * {RANK_STEP}, 0, $2,
    CASE WHEN n <= {READY} THEN $2::timestamptz END,
    CASE WHEN n <= {READY} THEN $2::timestamptz + n * interval '1 minute' END
FROM generate_series(1, {WAITING + READY}) n
"""
_COUNT = f"""
INSERT INTO segments (list_id, segment, waiting, tickets)
SELECT list_id, rank >> {SEGMENT_BITS}, count(*), sum(tickets_wanted) FROM entries
WHERE list_id = $1 AND status = 'waiting' GROUP BY 1, 2
"""


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from steps(below)


@pytest.fixture
async def long_list(lists: Lists) -> Lists:
    async with connection(lists.pool) as acquired:
        await acquired.execute(_FILL, lists.key.list_id, lists.now)
        await acquired.execute(_COUNT, lists.key.list_id)
        await acquired.execute("ANALYZE")
    return lists


async def test_no_hot_statement_reads_the_whole_list(long_list: Lists) -> None:
    list_id, middle = long_list.key.list_id, WAITING // 2
    rank = middle * RANK_STEP
    hot: dict[str, tuple[Any, ...]] = {
        "read_latest_entries": (list_id, [f"u{n}" for n in range(middle, middle + 50)]),
        "read_shown_entries": (list_id, [middle]),
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
