-- Rank the active entries of one list up to a number ($2) by lot: by the HMAC-SHA-256 of the number, whose inner and outer
-- key are $3 and $4. A drawn rank lies between those of two numbers, so no two collide meanwhile. Locks those rows; runs under the list's lock.
UPDATE entries e
SET rank = l.lot * 1000000 - 500000
FROM (
    SELECT x.number, row_number() OVER (ORDER BY sha256($4::bytea || sha256($3::bytea || int8send(x.number)))) AS lot
    FROM entries x
    WHERE x.list_id = $1 AND x.status IN ('waiting', 'ready') AND x.number <= $2
) AS l
WHERE e.list_id = $1 AND e.number = l.number
