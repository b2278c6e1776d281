-- Add a member to an organization.
-- Locks the new row.
INSERT INTO members (member_id, organization_id, email, name, role, created_at)
VALUES ($1, $2, $3, $4, $5, statement_timestamp())
RETURNING member_id, organization_id, email, name, role, created_at, joined_at, seen_at, removed_at
