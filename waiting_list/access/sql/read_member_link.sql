-- Read a link that signs a member in, if it has not expired.
-- Locks nothing.
SELECT l.link_id, l.member_id, l.email, l.locale, l.next FROM member_links l
WHERE l.link_id = $1 AND l.expires_at > clock_timestamp()
