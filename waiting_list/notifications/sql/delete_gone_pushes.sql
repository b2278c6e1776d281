-- Delete devices of one list: those that take nothing more, or that a fan has taken back.
-- Locks those rows.
DELETE FROM push_subscriptions WHERE list_id = $1 AND push_id = ANY ($2::uuid[])
