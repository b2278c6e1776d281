-- Insert an empty contact, to store the private link ($3: its version) of an entry without one. Skip an erased person.
-- Locks the new row.
INSERT INTO contacts (list_id, number, link_version)
SELECT e.list_id, e.number, $3 FROM entries e
WHERE e.list_id = $1 AND e.number = $2 AND e.user_id IS NOT NULL
ON CONFLICT (list_id, number) DO NOTHING
