-- A wish of one person over several lists: an entry in each, and what becomes of the others when one is held or bought. The
-- row is claimed in the transaction of a list, after the list is locked. Additions only: the version before goes on as before.
CREATE TABLE wishes (
    wish_id uuid NOT NULL PRIMARY KEY,
    organization_id text NOT NULL,
    user_id text NOT NULL,
    choice text NOT NULL,
    -- The lists that were asked for, in the person's order.
    lists uuid[] NOT NULL,
    created_at timestamptz NOT NULL,
    -- The hold that the wish has now, unless the choice lets it have several.
    held_list_id uuid,
    held_number bigint,
    -- The list whose tickets fulfilled the wish: its entries elsewhere leave.
    done_list_id uuid,
    done_at timestamptz,
    -- How often the wish changed so that other lists must look, and up to which of these changes they have.
    changes bigint NOT NULL DEFAULT 0,
    heeded bigint NOT NULL DEFAULT 0,
    CONSTRAINT wishes_choice CHECK (choice IN ('withdraw_when_bought', 'keep_until_bought', 'withdraw_when_held')),
    CONSTRAINT wishes_held CHECK ((held_list_id IS NULL) = (held_number IS NULL)),
    CONSTRAINT wishes_done CHECK ((done_list_id IS NULL) = (done_at IS NULL)),
    CONSTRAINT wishes_heeded CHECK (heeded <= changes)
);
CREATE INDEX wishes_by_user ON wishes (organization_id, user_id, created_at, wish_id);
CREATE INDEX wishes_unheeded ON wishes (wish_id) WHERE heeded < changes;
CREATE INDEX wishes_held ON wishes (held_list_id) WHERE held_list_id IS NOT NULL;

-- Whoever claims or releases wishes of an organization holds its row, after the list's. So each transaction waits for one
-- other at most, and two lists cannot wait for each other.
CREATE TABLE wish_locks (
    organization_id text NOT NULL PRIMARY KEY
);

ALTER TABLE entries ADD COLUMN wish_id uuid;
-- Since when the entry waits because another list holds tickets for its wish. NULL: it does not.
ALTER TABLE entries ADD COLUMN set_aside_at timestamptz;

CREATE OR REPLACE VIEW shown_entries AS
SELECT e.list_id, e.number, i.organization_id, i.offer_id, i.representation_id, i.event_id, e.user_id,
    e.status, e.left_reason, e.tickets_wanted, e.tickets_minimum, e.tickets_held, e.rank,
    p.position, p.tickets_ahead, e.joined_at, e.ready_at,
    CASE WHEN e.status = 'left' AND e.ready_until IS NOT NULL THEN e.ready_until
        WHEN e.ready_at IS NOT NULL THEN least(e.ready_until, i.closes_at, r.start_datetime, r.cancelled_at) END
        AS ready_until,
    e.left_at, e.keep_waiting_for_rest, e.paused_at, e.wish_id, e.set_aside_at
FROM entries e
JOIN inventory i ON i.list_id = e.list_id
JOIN representations r ON r.representation_id = i.representation_id
LEFT JOIN LATERAL (
    SELECT 1 + coalesce(sum(before.waiting), 0)::bigint AS position,
        coalesce(sum(before.tickets), 0)::bigint AS tickets_ahead
    FROM (
        SELECT s.waiting, s.tickets FROM segments s
        WHERE s.list_id = e.list_id AND s.bits = 35 AND s.segment < e.rank >> 35
        UNION ALL
        SELECT s.waiting, s.tickets FROM segments s
        WHERE s.list_id = e.list_id AND s.bits = 30
            AND s.segment >= (e.rank >> 35) << 5 AND s.segment < e.rank >> 30
        UNION ALL
        SELECT s.waiting, s.tickets FROM segments s
        WHERE s.list_id = e.list_id AND s.bits = 25
            AND s.segment >= (e.rank >> 30) << 5 AND s.segment < e.rank >> 25
        UNION ALL
        SELECT 1, x.tickets_wanted FROM entries x
        WHERE x.list_id = e.list_id AND x.status = 'waiting'
            AND x.rank >= (e.rank >> 25) << 25 AND x.rank < e.rank
        UNION ALL
        SELECT 1, x.tickets_wanted - x.tickets_held FROM entries x
        WHERE x.list_id = e.list_id AND x.status = 'ready' AND x.keep_waiting_for_rest
            AND x.tickets_held < x.tickets_wanted AND x.rank >= (e.rank >> 25) << 25 AND x.rank < e.rank
    ) AS before
) AS p ON e.status = 'waiting' OR e.status = 'ready' AND e.keep_waiting_for_rest AND e.tickets_held < e.tickets_wanted;
