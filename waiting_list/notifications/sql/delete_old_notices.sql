-- Forgets notices that ended longer ago than this, ten thousand at a time.
-- Locks those rows; one that is sent again meanwhile stays.
DELETE FROM outbox o USING (
    SELECT x.list_id, x.notice_id FROM outbox x
    WHERE x.ended_at < now() - $1::interval ORDER BY x.ended_at LIMIT 10000
) AS old
WHERE o.list_id = old.list_id AND o.notice_id = old.notice_id AND o.ended_at < now() - $1::interval
