-- Read how often an organizer gave a fan tickets past the line of one list.
-- Locks nothing.
SELECT count(*) FROM history h WHERE h.list_id = $1 AND h.verb = 'grant'
