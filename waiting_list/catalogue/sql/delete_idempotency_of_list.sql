-- Delete the stored responses of a list that is deleted with its entries.
-- Locks those rows; runs under the list's lock.
DELETE FROM idempotency WHERE list_id = $1
