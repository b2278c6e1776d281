-- Delete who was told of changes more than a day ago.
-- Locks those rows.
DELETE FROM told_people t WHERE t.told_at < statement_timestamp() - interval '1 day'
