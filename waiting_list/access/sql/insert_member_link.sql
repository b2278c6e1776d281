-- Store a link that signs a member in, for the time $6.
-- Locks the new row.
INSERT INTO member_links (link_id, member_id, email, locale, next, created_at, expires_at)
SELECT $1, $2, $3, $4, $5, n.now, n.now + $6::interval FROM (SELECT statement_timestamp() AS now) AS n
