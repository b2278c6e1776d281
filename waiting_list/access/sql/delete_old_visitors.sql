-- Deletes the rows of persons who have joined no list of the event for a day: a row means something only while it is locked.
-- Locks those rows, but none that somebody uses: a join that holds one of them may wait for another.
DELETE FROM event_visitors WHERE (event_id, user_hash) IN (
    SELECT v.event_id, v.user_hash FROM event_visitors v
    WHERE v.locked_at < statement_timestamp() - interval '1 day' FOR UPDATE SKIP LOCKED
)
