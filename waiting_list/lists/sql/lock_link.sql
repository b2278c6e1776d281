-- Whether a hash is that of one entry's private link now.
-- Locks the row of the entry's contact, so that the link is not revoked meanwhile; runs under the list's lock.
SELECT c.number FROM contacts c WHERE c.list_id = $1 AND c.number = $2 AND c.link_hash = $3 FOR UPDATE
