-- Note that one list takes fans from now on, if it has alerts to tell, so that the worker writes their letters.
-- Locks the new row; runs under the list's lock.
INSERT INTO openings (list_id, opened_at)
SELECT a.list_id, $2::timestamptz FROM alerts a WHERE a.list_id = $1 AND a.told_at IS NULL ORDER BY a.number LIMIT 1
ON CONFLICT (list_id) DO NOTHING
