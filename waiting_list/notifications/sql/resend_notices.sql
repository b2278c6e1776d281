-- Makes notices of one list due: those that ended begin anew, those that are pending lose no try.
-- Locks those rows: one that is being sent is sent once more.
UPDATE outbox o
SET status = 'pending', due_at = $4, ended_at = NULL, tries = CASE o.status WHEN 'pending' THEN o.tries ELSE 0 END
WHERE o.list_id = $1 AND o.notice_id = ANY ($2::uuid[]) AND o.status = ANY ($3::text[])
RETURNING o.notice_id
