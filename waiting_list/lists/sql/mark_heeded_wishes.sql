-- Mark these wishes ($1) as heeded up to a change ($2) of each.
-- Locks the rows that nobody else has locked, so that it never waits; the others are marked the next time.
WITH free AS (
    SELECT w.wish_id, g.changes FROM wishes w
    JOIN unnest($1::uuid[], $2::bigint[]) AS g (wish_id, changes) ON g.wish_id = w.wish_id
    WHERE w.heeded < g.changes
    FOR UPDATE OF w SKIP LOCKED
)
UPDATE wishes w SET heeded = f.changes FROM free f WHERE w.wish_id = f.wish_id
