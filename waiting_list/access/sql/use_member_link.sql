-- Use up a link that signs a member in, so that it works once.
-- Locks its row.
DELETE FROM member_links l WHERE l.link_id = $1 AND l.expires_at > statement_timestamp()
RETURNING l.link_id
