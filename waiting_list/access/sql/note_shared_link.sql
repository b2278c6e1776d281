-- Record that a shared link is in use.
-- Locks its row.
UPDATE shared_links SET used_at = statement_timestamp() WHERE list_id = $1 AND link_hash = $2
