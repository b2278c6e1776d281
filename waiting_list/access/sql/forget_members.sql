-- Forget the names of members who were removed more than $1 ago.
-- Locks their rows.
UPDATE members m SET name = NULL
WHERE m.removed_at < statement_timestamp() - $1::interval AND m.name IS NOT NULL
