-- Write all changes of one list: its changed entries, if each still has the status from which it changes, then its new
-- entries, the counts of its segments, its history and its row. Locks the written rows; runs under the list's lock.
WITH changed AS (
    UPDATE entries e
    SET user_id = c.user_id, status = c.status, left_reason = c.left_reason, tickets_wanted = c.tickets_wanted,
        tickets_minimum = c.tickets_minimum, tickets_held = c.tickets_held, rank = c.rank,
        passed_over = c.passed_over, unverified = c.unverified, ready_at = c.ready_at,
        ready_until = c.ready_until, left_at = c.left_at
    FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::integer[], $8::integer[],
        $9::bigint[], $10::integer[], $11::boolean[], $12::timestamptz[], $13::timestamptz[],
        $14::timestamptz[], $15::timestamptz[], $16::text[])
        AS c (number, user_id, status, left_reason, tickets_wanted, tickets_minimum, tickets_held, rank,
        passed_over, unverified, joined_at, ready_at, ready_until, left_at, from_status)
    WHERE e.list_id = $1 AND e.number = c.number AND e.status = c.from_status
    RETURNING e.number
),
added AS (
    INSERT INTO entries (list_id, number, user_id, status, left_reason, tickets_wanted, tickets_minimum,
        tickets_held, rank, passed_over, unverified, joined_at, ready_at, ready_until, left_at)
    SELECT $1, n.*
    FROM unnest($17::bigint[], $18::text[], $19::text[], $20::text[], $21::integer[], $22::integer[],
        $23::integer[], $24::bigint[], $25::integer[], $26::boolean[], $27::timestamptz[], $28::timestamptz[],
        $29::timestamptz[], $30::timestamptz[]) AS n
    -- After the updates, so that a user who left and joined again in one transaction is active only once.
    WHERE (SELECT count(*) FROM changed) >= 0
    RETURNING number
),
counted AS (
    INSERT INTO segments (list_id, bits, segment, waiting, tickets, changed)
    SELECT $1, d.bits, d.segment, coalesce(s.waiting, 0) + d.waiting, coalesce(s.tickets, 0) + d.tickets,
        greatest(coalesce(s.changed, 0), d.changed)
    FROM unnest($31::smallint[], $32::bigint[], $33::integer[], $34::bigint[], $35::bigint[])
        AS d (bits, segment, waiting, tickets, changed)
    LEFT JOIN LATERAL (
        SELECT x.waiting, x.tickets, x.changed FROM segments x
        WHERE x.list_id = $1 AND x.bits = d.bits AND x.segment = d.segment LIMIT 1
    ) AS s ON true
    ON CONFLICT (list_id, bits, segment) DO UPDATE
    SET waiting = excluded.waiting, tickets = excluded.tickets, changed = excluded.changed
    RETURNING segment
),
recorded AS (
    INSERT INTO history (list_id, at, sequence, actor, verb, number, before, after, reason)
    SELECT $1, $36, h.* FROM unnest($37::bigint[], $38::text[], $39::text[], $40::bigint[], $41::jsonb[],
        $42::jsonb[], $43::text[]) AS h
    RETURNING sequence
),
listed AS (
    UPDATE inventory
    SET total_stock = $44, available_stock = $45, held = $46, waiting_list_open = $47, closed_by_hand = $48,
        ended_at = $49, waiting = $50, tickets_waiting = $51, last_number = $52, last_rank = $53,
        last_sequence = $54,
        -- settings = $55
        policy = $55, skip_limit = $56, hold_minutes = $57, hold_steps = $58, quiet_from = $59, quiet_until = $60,
        after_expiry = $61, automatic = $62, max_waiting = $63, closes_at = $64, verify_email = $65,
        reminder_minutes = $66, purchase_url = $67, join_challenge = $68, one_place_per_address = $69
        -- end of settings
    WHERE list_id = $1
    RETURNING list_id
)
SELECT (SELECT count(*) FROM changed) AS entries, (SELECT count(*) FROM listed) AS lists
