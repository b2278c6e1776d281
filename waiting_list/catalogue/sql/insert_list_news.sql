-- Note a change for lists ($1) that are still to learn of it.
-- Locks the new rows.
INSERT INTO list_news (list_id, change_id, verb, actor, changed_at, before, after)
SELECT l.list_id, $2, $3, $4, $5, $6::text::jsonb, $7::text::jsonb FROM unnest($1::uuid[]) AS l (list_id)
