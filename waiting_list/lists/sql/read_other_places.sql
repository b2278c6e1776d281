-- Count the active entries of each of these users in the other lists of an event; leave out users without any.
-- Locks nothing: runs after lock_visitors, as a statement of its own, so that it sees what that lock waited for.
SELECT e.user_id, count(*) AS places
FROM entries e
JOIN inventory i ON i.list_id = e.list_id
WHERE e.user_id = ANY ($2::text[]) AND e.list_id <> $1 AND e.status <> 'left' AND i.event_id = $3
GROUP BY e.user_id
