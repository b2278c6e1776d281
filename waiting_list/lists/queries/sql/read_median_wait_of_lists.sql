-- Compute the median wait, in seconds, of the entries that became ready in the lists of one organization, or of one of its
-- events, from the kept buckets. See read_median_wait. Locks nothing.
WITH buckets AS (
    SELECT c.bucket, sum(c.entries) AS entries, sum(c.seconds) AS seconds
    FROM inventory i
    JOIN counted_waits c ON c.list_id = i.list_id
    WHERE i.organization_id = $1 AND ($2::text IS NULL OR i.event_id = $2)
    GROUP BY c.bucket HAVING sum(c.entries) > 0
), placed AS (
    SELECT b.seconds / b.entries AS mean, sum(b.entries) OVER (ORDER BY b.bucket) AS last,
        sum(b.entries) OVER () AS entries
    FROM buckets b
)
SELECT avg(m.mean)::float8
FROM (
    (SELECT p.mean FROM placed p WHERE 2 * p.last >= p.entries ORDER BY p.last LIMIT 1)
    UNION ALL
    (SELECT p.mean FROM placed p WHERE 2 * p.last > p.entries ORDER BY p.last LIMIT 1)
) AS m
