-- Add the waits of one list that are not counted, up to the change $2, to the counts of their buckets.
-- Locks these rows; runs under the lock of the list's row of the counts.
INSERT INTO counted_waits AS w (list_id, bucket, entries, seconds)
SELECT c.list_id, floor(64 * ln(1 + c.seconds))::integer, sum(c.waits), sum(c.waits * c.seconds)
FROM uncounted_changes c
WHERE c.list_id = $1 AND c.sequence <= $2 AND c.waits <> 0
GROUP BY 1, 2
ON CONFLICT (list_id, bucket) DO UPDATE SET entries = w.entries + excluded.entries, seconds = w.seconds + excluded.seconds
