-- Revoke the private link of one entry; the next link gets the next version.
-- Locks the row of the entry's contact.
UPDATE contacts SET link_version = link_version + 1, link_hash = NULL
WHERE list_id = $1 AND number = $2 AND link_hash IS NOT NULL
