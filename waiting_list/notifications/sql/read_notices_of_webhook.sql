-- Read up to $3 notices to one webhook, list by list.
-- Locks nothing: delete_notices then deletes those of each list.
SELECT n.list_id, array_agg(n.notice_id) AS notice_ids
FROM (
    SELECT o.list_id, o.notice_id FROM outbox o WHERE o.webhook_id = $1 AND o.organization_id = $2 LIMIT $3
) AS n
GROUP BY n.list_id
