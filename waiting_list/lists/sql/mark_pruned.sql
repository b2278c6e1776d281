-- Store the last number of one list that is pruned, and the time at which all entries were ($3).
-- Writes the list's row, which this transaction has already locked.
UPDATE inventory SET pruned_number = $2, pruned_at = coalesce($3, pruned_at) WHERE list_id = $1
