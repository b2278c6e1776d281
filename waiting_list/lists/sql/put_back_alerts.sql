-- Have these alerts ($2) of one list wait for its next opening: it took no fans any more when their letters came to be sent.
-- Locks those rows; runs under the list's lock.
UPDATE alerts a SET told_at = NULL WHERE a.list_id = $1 AND a.alert_id = ANY ($2::uuid[])
