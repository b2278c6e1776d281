-- Delete the phone numbers of entries that have left their lists, and those asked for before $1 that nobody verified.
-- Locks those rows.
DELETE FROM phones p USING entries e
WHERE e.list_id = p.list_id AND e.number = p.number
    AND (e.status = 'left' OR p.verified_at IS NULL AND p.asked_at < $1::timestamptz)
