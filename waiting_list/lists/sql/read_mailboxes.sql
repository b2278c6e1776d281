-- Read the entries of one list with these verified mailboxes that are active or had the sole place. Also read up to $3
-- verified addresses whose mailbox is still missing. Locks nothing: runs under the list's lock.
SELECT m.mailbox, c.number, c.is_active, NULL AS email
FROM unnest($2::bytea[]) AS m (mailbox)
CROSS JOIN LATERAL (
    SELECT x.number, e.status <> 'left' AS is_active
    FROM contacts x
    JOIN entries e ON e.list_id = $1 AND e.number = x.number
    WHERE x.list_id = $1 AND x.mailbox = m.mailbox AND x.verified_at IS NOT NULL
        AND (e.status <> 'left' OR x.sole_place)
) AS c
UNION ALL
SELECT NULL, n.number, NULL, n.email
FROM (
    SELECT x.number, x.email FROM contacts x
    WHERE x.list_id = $1 AND x.mailbox IS NULL AND x.verified_at IS NOT NULL
    ORDER BY x.number LIMIT $3
) AS n
