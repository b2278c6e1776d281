-- Clear the reasons in the history of some entries, because their persons are erased.
-- Locks those rows; runs under the list's lock.
UPDATE history SET reason = NULL WHERE list_id = $1 AND number = ANY ($2) AND reason IS NOT NULL
