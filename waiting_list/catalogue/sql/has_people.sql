-- Whether a list names a person, and whether a fan has joined it without the organizer.
-- Locks nothing; runs under the list's lock.
SELECT EXISTS (SELECT FROM entries e WHERE e.list_id = $1 AND e.user_id IS NOT NULL) AS named,
    EXISTS (SELECT FROM history h WHERE h.list_id = $1 AND h.verb = 'join' AND h.actor = 'user') AS by_fans
