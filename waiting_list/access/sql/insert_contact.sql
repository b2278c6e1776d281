-- Insert an empty contact, to store the private link of an entry that has no contact. Skip an erased person.
-- Locks the new row.
INSERT INTO contacts (list_id, number)
SELECT e.list_id, e.number FROM entries e
WHERE e.list_id = $1 AND e.number = $2 AND e.user_id IS NOT NULL
ON CONFLICT (list_id, number) DO NOTHING
