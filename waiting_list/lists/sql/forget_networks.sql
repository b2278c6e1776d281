-- Forget from which networks some entries of one list were joined, because they have left.
-- Locks those rows; runs under the list's lock.
UPDATE contacts SET joined_from = NULL WHERE list_id = $1 AND number = ANY ($2::bigint[])
