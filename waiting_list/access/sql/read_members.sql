-- Read the present members of an organization, the oldest first.
-- Locks nothing.
SELECT m.member_id, m.organization_id, m.email, m.name, m.role, m.created_at, m.joined_at, m.seen_at, m.removed_at
FROM members m
WHERE m.organization_id = $1 AND m.removed_at IS NULL
ORDER BY m.created_at, m.member_id
