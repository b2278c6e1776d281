-- Change the name and the role of a present member.
-- Locks the member's row.
UPDATE members m SET name = $3, role = $4
WHERE m.organization_id = $1 AND m.member_id = $2 AND m.removed_at IS NULL
