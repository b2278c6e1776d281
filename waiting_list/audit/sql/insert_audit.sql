-- Store the result of an audit of all lists.
-- Locks the new row.
INSERT INTO audits (ended_at, lists, differences) VALUES (clock_timestamp(), $1, $2)
ON CONFLICT (ended_at) DO NOTHING
