-- Delete the reminders of some entries of one list that were not sent yet.
-- Locks those rows; runs under the list's lock.
DELETE FROM outbox WHERE list_id = $1 AND number = ANY ($2::bigint[]) AND type = 'reminder' AND status = 'pending'
