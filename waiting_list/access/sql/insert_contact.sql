-- Makes the row that keeps the private link of one entry, for an entry without a contact whose person is known.
-- Locks that row.
INSERT INTO contacts (list_id, number)
SELECT e.list_id, e.number FROM entries e
WHERE e.list_id = $1 AND e.number = $2 AND e.user_id IS NOT NULL
ON CONFLICT (list_id, number) DO NOTHING
