-- Write all changes of one list: of its entries, if each still has its `from_status`, its segments, history and row. What is
-- NULL of a new entry, or of the history, is as for a join. Locks the written rows; runs under the list's lock.
WITH given AS (
    SELECT g.* FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::integer[],
        $9::integer[], $10::bigint[], $11::integer[], $12::boolean[], $13::timestamptz[], $14::timestamptz[],
        $15::timestamptz[], $16::integer[], $17::boolean[], $18::boolean[], $19::timestamptz[], $20::uuid[], $21::timestamptz[], $22::text[])
        AS g (number, user_id, status, left_reason, tickets_wanted, tickets_minimum, tickets_held, rank,
        passed_over, unverified, ready_at, ready_until, left_at, requeued, keep_waiting_for_rest, address_failed,
        paused_at, wish_id, set_aside_at, from_status)
),
changed AS (
    UPDATE entries e
    SET user_id = g.user_id, status = g.status, left_reason = g.left_reason, tickets_wanted = g.tickets_wanted,
        tickets_minimum = g.tickets_minimum, tickets_held = g.tickets_held, rank = g.rank,
        passed_over = g.passed_over, unverified = g.unverified, ready_at = g.ready_at,
        ready_until = g.ready_until, left_at = g.left_at, requeued = g.requeued,
        keep_waiting_for_rest = g.keep_waiting_for_rest, address_failed = g.address_failed, paused_at = g.paused_at,
        wish_id = g.wish_id, set_aside_at = g.set_aside_at
    FROM given g
    WHERE g.from_status IS NOT NULL AND e.list_id = $1 AND e.number = g.number AND e.status = g.from_status
    RETURNING e.number
),
added AS (
    INSERT INTO entries (list_id, number, user_id, status, left_reason, tickets_wanted, tickets_minimum,
        tickets_held, rank, passed_over, unverified, joined_at, ready_at, ready_until, left_at, requeued,
        keep_waiting_for_rest, address_failed, paused_at, wish_id, set_aside_at)
    SELECT $1, g.number, g.user_id, coalesce(g.status, 'waiting'), g.left_reason, g.tickets_wanted,
        g.tickets_minimum, coalesce(g.tickets_held, 0), g.rank, coalesce(g.passed_over, 0),
        coalesce(g.unverified, false), $2, g.ready_at, g.ready_until, g.left_at,
        coalesce(g.requeued, 0), coalesce(g.keep_waiting_for_rest, false),
        coalesce(g.address_failed, false), g.paused_at, g.wish_id, g.set_aside_at
    -- After the updates, so that a user who left and joined again in one transaction is active only once.
    FROM given g WHERE g.from_status IS NULL AND (SELECT count(*) FROM changed) >= 0
),
counted AS (
    INSERT INTO segments (list_id, bits, segment, waiting, tickets, changed)
    SELECT $1, d.bits, d.segment, coalesce(s.waiting, 0) + d.waiting, coalesce(s.tickets, 0) + d.tickets,
        greatest(coalesce(s.changed, 0), d.changed)
    FROM unnest($23::smallint[], $24::bigint[], $25::integer[], $26::bigint[], $27::bigint[])
        AS d (bits, segment, waiting, tickets, changed)
    LEFT JOIN LATERAL (
        SELECT x.waiting, x.tickets, x.changed FROM segments x
        WHERE x.list_id = $1 AND x.bits = d.bits AND x.segment = d.segment LIMIT 1
    ) AS s ON true
    ON CONFLICT (list_id, bits, segment) DO UPDATE
    SET waiting = excluded.waiting, tickets = excluded.tickets, changed = excluded.changed RETURNING segment
),
recorded AS (
    INSERT INTO history (list_id, at, sequence, actor, verb, number, before, after, reason, leaf, reason_salt, reason_hash)
    SELECT $1, $2, h.sequence, coalesce(h.actor, 'user'), coalesce(h.verb, 'join'), h.number, h.before, h.after,
        h.reason, h.leaf, h.reason_salt, h.reason_hash
    FROM unnest($28::bigint[], $29::text[], $30::text[], $31::bigint[], $32::jsonb[], $33::jsonb[], $34::text[],
        $35::bytea[], $36::bytea[], $37::bytea[])
        AS h (sequence, actor, verb, number, before, after, reason, leaf, reason_salt, reason_hash)
),
listed AS (
    UPDATE inventory
    SET total_stock = $38, available_stock = $39, held = $40, waiting_list_open = $41, closed_by_hand = $42,
        ended_at = $43, idle_until = $44, order_limit = $45, waiting = $46, tickets_waiting = $47, last_number = $48,
        last_rank = $49, last_sequence = $50, version = $51
    WHERE list_id = $1 RETURNING list_id
)
SELECT (SELECT count(*) FROM changed) AS entries, (SELECT count(*) FROM listed) AS lists
