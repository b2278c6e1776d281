-- Makes the private link of one entry good, if it is still of this version and the person was not erased.
-- Locks the row of its contact.
INSERT INTO contacts AS c (list_id, number, link_version, link_hash)
SELECT $1, e.number, $3, $4 FROM entries e
WHERE e.list_id = $1 AND e.number = $2 AND e.user_id IS NOT NULL
ON CONFLICT (list_id, number) DO UPDATE SET link_hash = excluded.link_hash
WHERE c.link_version = excluded.link_version
