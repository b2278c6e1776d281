-- Add up what lists had that were deleted with their entries.
-- Locks nothing.
SELECT count(*) AS lists, coalesce(sum(d.changes), 0)::bigint AS changes, coalesce(sum(d.entries), 0)::bigint AS entries
FROM deleted_lists d
