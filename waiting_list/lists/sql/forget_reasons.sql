-- Clear the reasons in the history of some entries, and their salts, because their persons are erased; the hashes stay in the
-- ledger, and say nothing without the salts. Locks those rows; runs under the list's lock.
UPDATE history SET reason = NULL, reason_salt = NULL WHERE list_id = $1 AND number = ANY ($2) AND reason IS NOT NULL
