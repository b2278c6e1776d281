-- Remove a member, and forget the address.
-- Locks the member's row.
UPDATE members m SET removed_at = statement_timestamp(), email = NULL
WHERE m.organization_id = $1 AND m.member_id = $2 AND m.removed_at IS NULL
