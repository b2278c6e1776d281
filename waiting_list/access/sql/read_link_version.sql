-- Read the version of one entry's private link; return no row for an entry without a contact.
-- Locks nothing.
SELECT link_version FROM contacts WHERE list_id = $1 AND number = $2
