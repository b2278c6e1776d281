-- Compute the median wait, in seconds, of the entries of one list that became ready, from the buckets of its waits: the
-- mean of the bucket that has the median. Locks nothing.
WITH buckets AS (
    SELECT b.bucket, sum(b.entries) AS entries, sum(b.seconds) AS seconds
    FROM (
        SELECT c.bucket, c.entries, c.seconds FROM counted_waits c WHERE c.list_id = $1
        UNION ALL
        SELECT floor(64 * ln(1 + u.seconds))::integer, u.waits, u.waits * u.seconds
        FROM uncounted_changes u WHERE u.list_id = $1 AND u.waits <> 0
    ) AS b
    GROUP BY b.bucket HAVING sum(b.entries) > 0
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
