-- The number of the entry that a private link is for; whether it is the shared one, and has to be noted as in use.
-- Locks nothing.
SELECT c.number, FALSE AS shared, FALSE AS unnoted FROM contacts c WHERE c.list_id = $1 AND c.link_hash = $2
UNION ALL
SELECT s.number, TRUE, coalesce(s.used_at < statement_timestamp() - interval '1 minute', TRUE)
FROM shared_links s WHERE s.list_id = $1 AND s.link_hash = $2
