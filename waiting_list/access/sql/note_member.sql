-- Record that a member was here; the first time, that the member has joined.
-- Locks the member's row.
UPDATE members m SET seen_at = n.now, joined_at = CASE WHEN m.joined_at IS NULL THEN n.now ELSE m.joined_at END
FROM (SELECT statement_timestamp() AS now OFFSET 0) AS n
WHERE m.member_id = $1 AND m.removed_at IS NULL
