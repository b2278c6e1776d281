-- Delete the rows of persons who joined no list of the event for a day. A row matters only while a join locks it.
-- Locks those rows, but skips rows in use, because a join that holds one may wait for another.
DELETE FROM event_visitors WHERE (event_id, user_hash) IN (
    SELECT v.event_id, v.user_hash FROM event_visitors v
    WHERE v.locked_at < statement_timestamp() - interval '1 day' FOR UPDATE SKIP LOCKED
)
