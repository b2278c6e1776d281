-- Remembers up to which number the entries of one list are pruned, and when all of them were.
-- Writes the list's row, which is locked already.
UPDATE inventory SET pruned_number = $2, pruned_at = coalesce($3, pruned_at) WHERE list_id = $1
