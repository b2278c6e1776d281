-- Delete the rows of persons who joined no list of the event for a day. A row matters only while a join locks it.
-- Locks those rows, but skips rows in use, because a join that holds one may wait for another.
DELETE FROM event_visitors v
USING (
    SELECT o.event_id, o.user_hash FROM event_visitors o
    WHERE o.locked_at < statement_timestamp() - interval '1 day' FOR UPDATE SKIP LOCKED
) AS old
WHERE v.event_id = old.event_id AND v.user_hash = old.user_hash
