-- Mark up to $3 alerts of one list as told now ($2), those who asked first before the others, and return their ids.
-- Locks those rows; runs under the list's lock.
UPDATE alerts a SET told_at = $2
WHERE a.list_id = $1 AND a.number = ANY (ARRAY(
    SELECT x.number FROM alerts x WHERE x.list_id = $1 AND x.told_at IS NULL ORDER BY x.number LIMIT $3
))
RETURNING a.alert_id
