"""What the audit of one long list costs: seconds, processor time, and memory. `make bench-audit` prints it.

SQL writes the history, because a million verbs would take many minutes. The fans of the list join, and each fourth
of them leaves. Then tickets come back: the first in line are made ready, and buy. BENCH_QUICK=1 makes it short.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bench.report import table
from bench.stage import Stage
from waiting_list.ledger.checkpoints import Checkpoints
from waiting_list.lists.models import ListKey
from waiting_list.lists.ranks import RANK_STEP, SEGMENT_LEVELS
from waiting_list.postgres.pool import Connection, connection

CHANGES = 10_000 if os.environ.get("BENCH_QUICK") else 1_000_000
JOINS = CHANGES // 2
LEAVES = JOINS // 4
PURCHASES = (CHANGES - 2 - JOINS - LEAVES) // 2
"""Without the change that creates the list, and the one that adds stock."""

# Of every four entries, the fourth leaves; so the k-th of the others has the number k + (k - 1) / 3.
_HISTORY = (
    """
    INSERT INTO history (list_id, sequence, at, actor, verb, number, before, after)
    SELECT $1, 1 + n, $3::timestamptz + n * interval '1 ms', 'user', 'join', n, NULL,
        jsonb_build_object('status', 'waiting', 'tickets_wanted', 1, 'tickets_minimum', 1, 'rank', n * $4::bigint)
    FROM generate_series(1, $2::bigint) n
    """,
    """
    INSERT INTO history (list_id, sequence, at, actor, verb, number, before, after)
    SELECT $1, 1 + $2::bigint + n, $4::timestamptz, 'user', 'leave', n * 4,
        '{"status": "waiting", "left_reason": null, "left_at": null}',
        jsonb_build_object('status', 'left', 'left_reason', 'cancelled', 'left_at', $4::timestamptz)
    FROM generate_series(1, $3::bigint) n
    """,
    """
    INSERT INTO history (list_id, sequence, at, actor, verb, number, before, after)
    SELECT $1, $2::bigint, $4::timestamptz, 'organizer:bench', 'add_stock', NULL,
        '{"available_stock": 0}', jsonb_build_object('available_stock', $3::bigint)
    """,
    """
    INSERT INTO history (list_id, sequence, at, actor, verb, number, before, after)
    SELECT $1, $2::bigint + k, $4::timestamptz, 'service', 'promote', k + (k - 1) / 3,
        jsonb_build_object('status', 'waiting', 'tickets_held', 0, 'ready_at', NULL, 'ready_until', NULL,
            'held', k - 1),
        jsonb_build_object('status', 'ready', 'tickets_held', 1, 'ready_at', $4::timestamptz,
            'ready_until', $4::timestamptz + interval '1 day', 'held', k)
    FROM generate_series(1, $3::bigint) k
    """,
    """
    INSERT INTO history (list_id, sequence, at, actor, verb, number, before, after)
    SELECT $1, $2::bigint + $3::bigint + k, $4::timestamptz, 'organizer:bench', 'buy', k + (k - 1) / 3,
        jsonb_build_object('status', 'ready', 'left_reason', NULL, 'tickets_held', 1, 'left_at', NULL,
            'held', $3::bigint - k + 1, 'available_stock', $3::bigint - k + 1),
        jsonb_build_object('status', 'left', 'left_reason', 'bought', 'tickets_held', 0,
            'left_at', $4::timestamptz, 'held', $3::bigint - k, 'available_stock', $3::bigint - k)
    FROM generate_series(1, $3::bigint) k
    """,
)
_ENTRIES = """
INSERT INTO entries (list_id, number, user_id, status, left_reason, tickets_wanted, tickets_minimum, rank,
    passed_over, joined_at, ready_at, ready_until, left_at)
SELECT $1, n, 'u' || n, CASE WHEN left_reason IS NULL THEN 'waiting' ELSE 'left' END, left_reason, 1, 1,
    n * $6::bigint, 0, $4::timestamptz + n * interval '1 ms',
    CASE left_reason WHEN 'bought' THEN $5::timestamptz END,
    CASE left_reason WHEN 'bought' THEN $5::timestamptz + interval '1 day' END,
    CASE WHEN left_reason IS NOT NULL THEN $5::timestamptz END
FROM generate_series(1, $2::bigint) n
CROSS JOIN LATERAL (
    SELECT CASE WHEN n % 4 = 0 THEN 'cancelled' WHEN n - n / 4 <= $3::bigint THEN 'bought' END AS left_reason
) l
"""
_SEGMENTS = """
INSERT INTO segments (list_id, bits, segment, waiting, tickets)
SELECT e.list_id, l.bits, e.rank >> l.bits, count(*), count(*)
FROM entries e CROSS JOIN unnest($2::integer[]) AS l (bits)
WHERE e.list_id = $1 AND e.status = 'waiting'
GROUP BY e.list_id, l.bits, e.rank >> l.bits
"""
_INVENTORY = """
UPDATE inventory SET waiting = $2::integer, tickets_waiting = $2::integer, last_number = $3::bigint,
    last_rank = $3::bigint * $4::bigint, last_sequence = $5::bigint
WHERE list_id = $1
"""


async def main() -> None:
    """Audits an empty list, then a long one, in processes of their own; and prints both."""
    async with Stage.make() as stage:
        short, long = await stage.make_list(), await stage.make_list()
        async with connection(stage.pool) as acquired, acquired.transaction():
            await fill_history(acquired, long.list_id)
        for key in (short, long):  # writes the leaves and the tree
            await Checkpoints(stage.pool, "https://tickets.example").sign(key.list_id)
        await stage.settle()
        rows = [await asyncio.to_thread(measure, stage.dsn, key) for key in (short, long)]
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores. The memory is the most that the process had.\n")
    print(table(["changes", "seconds", "processor seconds of the audit", "memory MB"], rows))


async def fill_history(acquired: Connection, list_id: UUID) -> None:
    """Fill an empty list that is sold out with the whole history and its result."""
    began, ended = (datetime.now(UTC) - timedelta(hours=hours) for hours in (12, 1))
    last = 2 + JOINS + LEAVES
    arguments: tuple[tuple[object, ...], ...] = (
        (JOINS, began, RANK_STEP),
        (JOINS, LEAVES, ended),
        (last, PURCHASES, ended),
        (last, PURCHASES, ended),
        (last, PURCHASES, ended),
    )
    for statement, values in zip(_HISTORY, arguments, strict=True):
        await acquired.execute(statement, list_id, *values, timeout=600)
    await acquired.execute(_ENTRIES, list_id, JOINS, PURCHASES, began, ended, RANK_STEP, timeout=600)
    await acquired.execute(_SEGMENTS, list_id, list(SEGMENT_LEVELS), timeout=600)
    waiting = JOINS - LEAVES - PURCHASES
    await acquired.execute(_INVENTORY, list_id, waiting, JOINS, RANK_STEP, last + 2 * PURCHASES)


def measure(dsn: str, key: ListKey) -> list[str]:
    """Audit one list, and return a row of the table. Raises CalledProcessError if the audit finds a difference."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", _WITH_PEAK, sys.executable, "-m", "waiting_list", "audit", *key, "--json"],
        env=os.environ | {"WAITING_LIST_DATABASE_URL": dsn},
        check=True,
        capture_output=True,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    line, kilobytes = done.stdout.splitlines()
    report = json.loads(line)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [f"{report['changes']:,}", f"{report['seconds']:.1f}", f"{spent:.1f}", f"{int(kilobytes) / 1024:.0f}"]


# In a small process, because a child starts with the peak of its parent.
_WITH_PEAK = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""


if __name__ == "__main__":
    asyncio.run(main())
