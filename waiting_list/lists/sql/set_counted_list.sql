-- Mark the changes of one list up to the change $2 as counted, and add the tickets of entries that left.
-- Locks the list's row of the counts.
UPDATE counted_lists SET sequence = $2::bigint, tickets_left = counted_lists.tickets_left + c.tickets_left
FROM (
    SELECT coalesce(sum(u.tickets_left), 0)::bigint AS tickets_left FROM uncounted_changes u
    WHERE u.list_id = $1 AND u.sequence <= $2::bigint
) AS c
WHERE counted_lists.list_id = $1
