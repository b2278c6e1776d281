-- Note that the offer of one entry was accepted at $3, and whom to tell of it: its former user, if that has an address.
-- Locks that row; runs under the list's lock.
UPDATE transfers t SET transferred_at = $3, mailbox = $4, email = $5, locale = $6 WHERE t.list_id = $1 AND t.number = $2
