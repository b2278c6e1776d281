-- Read the first and the last number of the alerts of one list; nulls if it has none.
-- Locks nothing: runs under the list's lock.
SELECT min(a.number) AS first, max(a.number) AS last FROM alerts a WHERE a.list_id = $1
