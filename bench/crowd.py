"""Fills a database at size with SQL: many short lists, and one long list with its history."""

from datetime import datetime, timedelta

from waiting_list.lists.models import ListKey
from waiting_list.lists.ranks import RANK_STEP, SEGMENT_LEVELS
from waiting_list.postgres.pool import Connection

LONG = ListKey("offer-long", "date-long")
EVENT_OF_LONG = "event-long"
_EVENTS = """
INSERT INTO events (event_id, organization_id, title, description, venue_name, venue_address, timezone)
SELECT e.event_id, $1, 'Concert ' || e.event_id, 'A concert.', 'Hall', 'Paris', 'Europe/Paris'
FROM unnest($2::text[]) AS e (event_id)
"""
_REPRESENTATIONS = """
INSERT INTO representations (representation_id, event_id, start_datetime, end_datetime)
SELECT r.representation_id, r.event_id, $3::timestamptz + r.n * interval '1 minute',
    $3::timestamptz + r.n * interval '1 minute' + interval '2 hours'
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS r (representation_id, event_id, n)
"""
_OFFERS = """
INSERT INTO offers (offer_id, event_id, name, type, max_quantity_per_order, description)
SELECT o.offer_id, o.event_id, 'Floor', 'standard', 6, ''
FROM unnest($1::text[], $2::text[]) AS o (offer_id, event_id)
"""
_INVENTORY = """
INSERT INTO inventory (list_id, organization_id, event_id, offer_id, representation_id, total_stock,
    available_stock, held, waiting_list_open, waiting, tickets_waiting, last_number, last_rank, last_sequence)
SELECT l.list_id, $1, l.event_id, l.offer_id, l.representation_id, 1000000, $6::integer, $6::integer, true,
    $7::integer, 2 * $7::bigint, $8::bigint, $8::bigint * $10::bigint, $9::bigint
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) AS l (list_id, event_id, offer_id, representation_id)
"""
_SHORT_ENTRIES = """
INSERT INTO entries (list_id, number, user_id, status, tickets_wanted, tickets_minimum, rank, joined_at)
SELECT l.list_id, n, 's' || n, 'waiting', 2, 2, n * $3::bigint, $4::timestamptz + n * interval '1 second'
FROM unnest($1::uuid[]) AS l (list_id) CROSS JOIN generate_series(1, $2::bigint) AS n
"""
_SHORT_HISTORY = """
INSERT INTO history (list_id, sequence, at, actor, verb, number, after)
SELECT l.list_id, n, $4::timestamptz + n * interval '1 second', 'user', 'join', n,
    jsonb_build_object('status', 'waiting', 'tickets_wanted', 2, 'tickets_minimum', 2, 'rank', n * $3::bigint)
FROM unnest($1::uuid[]) AS l (list_id) CROSS JOIN generate_series(1, $2::bigint) AS n
"""

# The first tenth has bought, then come the ready ones; of the others, each tenth has left, and the rest waits.
_LONG_ENTRIES = """
INSERT INTO entries (list_id, number, user_id, status, left_reason, tickets_wanted, tickets_minimum, tickets_held,
    rank, joined_at, ready_at, ready_until, left_at)
SELECT $1, p.number, 'u' || p.number,
    CASE p.way WHEN 'bought' THEN 'left' WHEN 'cancelled' THEN 'left' ELSE p.way END,
    CASE WHEN p.way IN ('bought', 'cancelled') THEN p.way END, 2, 2, CASE p.way WHEN 'ready' THEN 2 ELSE 0 END,
    p.number * $3::bigint, p.joined_at,
    CASE WHEN p.way IN ('bought', 'ready') THEN p.joined_at + $6::interval END,
    CASE WHEN p.way IN ('bought', 'ready') THEN $5::timestamptz END,
    CASE WHEN p.way IN ('bought', 'cancelled') THEN p.joined_at + 2 * $6::interval END
FROM (
    SELECT n AS number, $4::timestamptz + n * ($6::interval * 10 / $2::bigint) AS joined_at,
        CASE WHEN n <= $2::bigint / 10 THEN 'bought' WHEN n <= $2::bigint / 10 + $7::bigint THEN 'ready'
            WHEN n % 10 = 0 THEN 'cancelled' ELSE 'waiting' END AS way
    FROM generate_series(1, $2::bigint) AS n
) AS p
"""
_LONG_HISTORY = """
INSERT INTO history (list_id, sequence, at, actor, verb, number, before, after)
SELECT $1, row_number() OVER (ORDER BY c.at, c.number), c.at, c.actor, c.verb, c.number, c.before, c.after
FROM (
    SELECT e.number, e.joined_at AS at, 'user' AS actor, 'join' AS verb, NULL::jsonb AS before,
        jsonb_build_object('status', 'waiting', 'tickets_wanted', 2, 'tickets_minimum', 2, 'rank', e.rank) AS after
    FROM entries e WHERE e.list_id = $1
    UNION ALL
    SELECT e.number, e.ready_at, 'service', 'promote', '{"status": "waiting", "ready_at": null}',
        jsonb_build_object('status', 'ready', 'tickets_held', 2, 'ready_at', e.ready_at)
    FROM entries e WHERE e.list_id = $1 AND e.ready_at IS NOT NULL
    UNION ALL
    SELECT e.number, e.left_at, 'user', CASE e.left_reason WHEN 'bought' THEN 'buy' ELSE 'leave' END,
        CASE e.left_reason WHEN 'bought' THEN '{"status": "ready", "available_stock": 4}'::jsonb
            ELSE '{"status": "waiting"}' END,
        CASE e.left_reason WHEN 'bought' THEN '{"status": "left", "available_stock": 2}'::jsonb
            ELSE '{"status": "left"}' END
    FROM entries e WHERE e.list_id = $1 AND e.status = 'left'
) AS c
"""
_LONG_COUNTS = """
UPDATE inventory i SET waiting = c.waiting, tickets_waiting = 2 * c.waiting, last_number = $2::bigint,
    last_rank = $2::bigint * $3::bigint, held = 2 * c.ready, available_stock = 2 * c.ready,
    last_sequence = (SELECT max(h.sequence) FROM history h WHERE h.list_id = $1)
FROM (
    SELECT count(*) FILTER (WHERE e.status = 'waiting') AS waiting,
        count(*) FILTER (WHERE e.status = 'ready') AS ready
    FROM entries e WHERE e.list_id = $1
) AS c
WHERE i.list_id = $1
"""
_SEGMENTS = """
INSERT INTO segments (list_id, bits, segment, waiting, tickets)
SELECT e.list_id, l.bits, e.rank >> l.bits, count(*), sum(e.tickets_wanted)
FROM entries e CROSS JOIN unnest($2::integer[]) AS l (bits)
WHERE e.list_id = ANY ($1::uuid[]) AND e.status = 'waiting'
GROUP BY e.list_id, l.bits, e.rank >> l.bits
"""
_TRACES = """
INSERT INTO traces (list_id, number, network, family)
SELECT e.list_id, e.number, e.number / 2, e.number FROM entries e WHERE e.list_id = $1 AND e.status <> 'left'
"""
_NOTICES = """
INSERT INTO outbox (list_id, notice_id, organization_id, type, number, status, created_at, due_at, tries, ended_at)
SELECT e.list_id, gen_random_uuid(), $2, 'joined', e.number,
    CASE WHEN e.number % 1000 = 1 THEN 'dead' ELSE 'sent' END, e.joined_at, e.joined_at, 1, e.joined_at
FROM entries e WHERE e.list_id = $1 AND e.number <= $3::bigint
"""


async def fill_lists(
    acquired: Connection, organization_id: str, *, lists: int, people: int, now: datetime, prefix: str = "s"
) -> None:
    """Make short lists, two of each event. People wait in every tenth."""
    events = [f"{prefix}-event-{n:06}" for n in range(lists // 2)]
    dates = [f"{prefix}-date-{n:06}" for n in range(lists // 2)]
    offers = [f"{prefix}-offer-{n:06}" for n in range(lists)]
    both = [event for event in events for _ in range(2)]
    event_of = dict(zip(offers, both, strict=True))
    keys = [ListKey(offer, dates[n // 2]) for n, offer in enumerate(offers)]
    run = acquired.execute
    await run(_EVENTS, organization_id, events)
    await run(_REPRESENTATIONS, dates, events, now + timedelta(days=30))
    await run(_OFFERS, offers, both)
    for some, waiting in ((keys[::10], people), ([key for n, key in enumerate(keys) if n % 10], 0)):
        await run(
            _INVENTORY,
            organization_id,
            [key.list_id for key in some],
            [event_of[key.offer_id] for key in some],
            [key.offer_id for key in some],
            [key.representation_id for key in some],
            0,
            waiting,
            waiting,
            waiting,
            RANK_STEP,
            timeout=600,
        )
    ids = [key.list_id for key in keys[::10]]
    for statement in (_SHORT_ENTRIES, _SHORT_HISTORY):
        await run(statement, ids, people, RANK_STEP, now - timedelta(days=1), timeout=600)
    await run(_SEGMENTS, ids, list(SEGMENT_LEVELS), timeout=600)


async def fill_long(
    acquired: Connection,
    organization_id: str,
    *,
    entries: int,
    ready: int,
    notices: int,
    now: datetime,
    days: float,
) -> None:
    """Make the long list: its people joined over so many days, and a tenth of them got tickets."""
    run, key = acquired.execute, LONG
    await run(_EVENTS, organization_id, [EVENT_OF_LONG])
    await run(_REPRESENTATIONS, [key.representation_id], [EVENT_OF_LONG], now + timedelta(days=29))
    await run(_OFFERS, [key.offer_id], [EVENT_OF_LONG])
    await run(
        _INVENTORY,
        organization_id,
        [key.list_id],
        [EVENT_OF_LONG],
        [key.offer_id],
        [key.representation_id],
        0,
        0,
        0,
        0,
        RANK_STEP,
    )
    begin, wait = now - timedelta(days=days), timedelta(days=days / 12)
    until = now + timedelta(days=28)
    await run(_LONG_ENTRIES, key.list_id, entries, RANK_STEP, begin, until, wait, ready, timeout=600)
    await run(_LONG_HISTORY, key.list_id, timeout=600)
    await run(_LONG_COUNTS, key.list_id, entries, RANK_STEP, timeout=600)
    await run(_SEGMENTS, [key.list_id], list(SEGMENT_LEVELS), timeout=600)
    await run(_TRACES, key.list_id, timeout=600)
    await run(_NOTICES, key.list_id, organization_id, notices, timeout=600)
