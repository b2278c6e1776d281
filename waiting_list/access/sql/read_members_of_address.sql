-- Read the members with an address in all organizations, with the names of these; member $2 alone unless NULL.
-- Locks nothing.
SELECT m.member_id, m.organization_id, coalesce(z.sender_name, m.organization_id) AS organization_name, m.name, m.role,
    m.joined_at
FROM members m
LEFT JOIN organizations z ON z.organization_id = m.organization_id
WHERE lower(m.email) = lower($1) AND ($2::text IS NULL OR m.member_id = $2)
ORDER BY m.created_at, m.member_id
