-- Delete up to ten thousand notices that ended longer ago than $1.
-- Locks those rows; a notice that becomes pending again meanwhile stays.
DELETE FROM outbox o USING (
    SELECT x.list_id, x.notice_id FROM outbox x
    WHERE x.ended_at < now() - $1::interval ORDER BY x.ended_at LIMIT 10000
) AS old
WHERE o.list_id = old.list_id AND o.notice_id = old.notice_id AND o.ended_at < now() - $1::interval
