-- The number of the entry that a private link is for.
-- Locks nothing.
SELECT number FROM contacts WHERE list_id = $1 AND link_hash = $2
