-- Make notices of one list due at $4. Those that ended start again with no tries; pending ones keep their tries.
-- Locks those rows; the dispatcher sends a notice once more if it is sending it now.
UPDATE outbox o
SET status = 'pending', due_at = $4, ended_at = NULL, tries = CASE WHEN o.status = 'pending' THEN o.tries ELSE 0 END
WHERE o.list_id = $1 AND o.notice_id = ANY ($2::uuid[]) AND o.status = ANY ($3::text[])
RETURNING o.notice_id
