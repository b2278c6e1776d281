-- Forget these alerts ($2) of one list: their letters have gone out or never will, or nobody wants them any more.
-- Locks those rows.
DELETE FROM alerts a WHERE a.list_id = $1 AND a.alert_id = ANY ($2::uuid[])
