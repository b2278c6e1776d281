-- Store the hash of one entry's private link, so that the link works. Skip another version, or an erased person.
-- Locks the row of the entry's contact.
INSERT INTO contacts AS c (list_id, number, link_version, link_hash)
SELECT e.list_id, e.number, $3, $4 FROM entries e
WHERE e.list_id = $1 AND e.number = $2 AND e.user_id IS NOT NULL
ON CONFLICT (list_id, number) DO UPDATE SET link_hash = excluded.link_hash
WHERE c.link_version = excluded.link_version
