-- Read the names of members ($2) and of API keys ($3) of an organization, also of former ones, by their actors in histories.
-- Locks nothing.
SELECT 'member:' || m.member_id AS actor, m.name FROM members m
WHERE m.organization_id = $1 AND m.member_id = ANY ($2::text[])
UNION ALL
SELECT 'organizer:' || k.key_id, k.name FROM api_keys k
WHERE k.organization_id = $1 AND k.key_id = ANY ($3::text[])
