-- Read the offer of one entry of one list to another person, and when one was accepted; return no row without either.
-- Locks nothing.
SELECT CASE WHEN o.is_open THEN t.email END AS email, CASE WHEN o.is_open THEN t.expires_at END AS expires_at, t.transferred_at
FROM transfers t
CROSS JOIN LATERAL (SELECT t.transferred_at IS NULL AND t.expires_at > statement_timestamp() AS is_open) AS o
WHERE t.list_id = $1 AND t.number = $2
