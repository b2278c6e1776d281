-- Make a wish ($2) of one organization ($1) another user's ($3), with their entries.
-- Locks its row.
UPDATE wishes w SET user_id = $3 WHERE w.organization_id = $1 AND w.wish_id = $2
