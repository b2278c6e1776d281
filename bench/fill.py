"""A list of any length at once, without its history: the audit would object."""

from datetime import datetime
from uuid import UUID

from waiting_list.lists.ranks import RANK_STEP, SEGMENT_LEVELS
from waiting_list.postgres.pool import Connection

_ENTRIES = """
INSERT INTO entries (list_id, number, user_id, status, tickets_wanted, tickets_minimum, tickets_held, rank,
    passed_over, joined_at, ready_at, ready_until)
SELECT $1, n, 'u' || n, 'ready', 2, 2, 2, n * $3::bigint, 0, $4, $4, $5
FROM generate_series(1, $2::bigint) n
"""
_WAITING = """
INSERT INTO entries (list_id, number, user_id, status, tickets_wanted, tickets_minimum, tickets_held, rank,
    passed_over, joined_at)
SELECT $1, n, 'u' || n, 'waiting', 2, 2, 0, n * $4::bigint, 0, $5
FROM generate_series($2::bigint + 1, $2::bigint + $3::bigint) n
"""
_SEGMENTS = """
INSERT INTO segments (list_id, bits, segment, waiting, tickets)
SELECT e.list_id, l.bits, e.rank >> l.bits, count(*), sum(e.tickets_wanted)
FROM entries e CROSS JOIN unnest($2::integer[]) AS l (bits)
WHERE e.list_id = $1 AND e.status = 'waiting'
GROUP BY e.list_id, l.bits, e.rank >> l.bits
"""
_INVENTORY = """
UPDATE inventory SET waiting = $3::integer, tickets_waiting = 2 * $3::bigint,
    last_number = $2::bigint + $3::bigint, last_rank = ($2::bigint + $3::bigint) * $4::bigint,
    held = 2 * $2::integer, available_stock = 2 * $2::integer, total_stock = greatest(total_stock, 2 * $2::integer)
WHERE list_id = $1
"""
_CONTACTS = """
INSERT INTO contacts (list_id, number, email, name, locale, verified_at)
SELECT list_id, number, user_id || '@example.org', 'Fan ' || number,
    CASE number % 2 WHEN 0 THEN 'en' ELSE 'fr' END, joined_at
FROM entries WHERE list_id = $1
"""


async def fill(
    acquired: Connection, list_id: UUID, *, ready: int, waiting: int, joined_at: datetime, ready_until: datetime
) -> None:
    """Puts `u1`, `u2` … into an empty list that is sold out, two tickets each: the ready ones, then who waits."""
    async with acquired.transaction():
        run = acquired.execute
        await run(_ENTRIES, list_id, ready, RANK_STEP, joined_at, ready_until, timeout=600)
        await run(_WAITING, list_id, ready, waiting, RANK_STEP, joined_at, timeout=600)
        await run(_SEGMENTS, list_id, list(SEGMENT_LEVELS), timeout=600)
        await run(_INVENTORY, list_id, ready, waiting, RANK_STEP)


async def fill_contacts(acquired: Connection, list_id: UUID) -> None:
    """Gives everybody in a list an address of their own, verified; every other reads French."""
    await acquired.execute(_CONTACTS, list_id, timeout=600)
