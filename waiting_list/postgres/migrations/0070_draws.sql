-- Lists whose order is drawn by lot (docs/draws.md). Additions only: the version before goes on as before, and knows no draw.

-- draw_commitment is the SHA-256 of the secret, drawn_through the last number among the lots.
ALTER TABLE inventory
    ADD COLUMN "order" text NOT NULL DEFAULT 'arrival',
    ADD COLUMN draw_at timestamptz,
    ADD COLUMN draw_source text,
    ADD COLUMN draw_commitment text,
    ADD COLUMN drawn_at timestamptz,
    ADD COLUMN drawn_through bigint;
-- No row has another value yet: there is nothing to check, and a lock for a moment is enough.
ALTER TABLE inventory ADD CONSTRAINT inventory_order CHECK ("order" IN ('arrival', 'draw')) NOT VALID;
ALTER TABLE inventory ADD CONSTRAINT inventory_draw CHECK (
    "order" = 'arrival' OR draw_at IS NOT NULL AND draw_source IS NOT NULL AND draw_commitment IS NOT NULL
) NOT VALID;
ALTER TABLE inventory ADD CONSTRAINT inventory_drawn CHECK ((drawn_at IS NULL) = (drawn_through IS NULL)) NOT VALID;

-- The secret of each draw, 32 random bytes, which no answer and no export has before the draw; and what it was drawn with.
CREATE TABLE draws (
    list_id uuid PRIMARY KEY REFERENCES inventory,
    secret bytea NOT NULL,
    randomness text
);

-- Without a position before the draw.
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
) AS p ON (i.order = 'arrival' OR i.drawn_at IS NOT NULL)
    AND (e.status = 'waiting'
        OR e.status = 'ready' AND e.keep_waiting_for_rest AND e.tickets_held < e.tickets_wanted);
