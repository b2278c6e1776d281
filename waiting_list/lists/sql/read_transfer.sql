-- Read one offer of an entry of one list to another person.
-- Locks nothing.
SELECT t.number, t.email, t.locale, t.expires_at, t.transferred_at, clock_timestamp() AS now
FROM transfers t WHERE t.list_id = $1 AND t.transfer_id = $2
