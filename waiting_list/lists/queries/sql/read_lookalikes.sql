-- Find groups of look-alikes in one list: $2 or more active entries from one network, or of one address family.
-- Leave out a family that is all on one network. $2 joins within $3 are a burst. Largest first. Locks nothing.
WITH seen AS (
    SELECT t.number, t.network, t.family, e.tickets_wanted, e.joined_at
    FROM traces t
    JOIN entries e ON e.list_id = $1 AND e.number = t.number
    WHERE t.list_id = $1 AND e.status <> 'left'
), alike AS (
    SELECT 'network' AS kind, s.network AS name, s.family AS other, s.number, s.tickets_wanted, s.joined_at
    FROM seen s WHERE s.network IS NOT NULL
    UNION ALL
    SELECT 'address_family', s.family, s.network, s.number, s.tickets_wanted, s.joined_at
    FROM seen s WHERE s.family IS NOT NULL
), measured AS (
    SELECT a.kind, a.name, a.other, a.number, a.tickets_wanted, a.joined_at,
        a.joined_at - lag(a.joined_at, $2::integer - 1)
            OVER (PARTITION BY a.kind, a.name ORDER BY a.joined_at, a.number) <= $3::interval AS is_burst,
        count(a.other) OVER (PARTITION BY a.kind, a.name, a.other) AS of_other
    FROM alike a
), grouped AS (
    SELECT m.kind, m.name, count(*) AS entries, sum(m.tickets_wanted)::bigint AS tickets,
        min(m.joined_at) AS first_joined_at, max(m.joined_at) AS last_joined_at,
        coalesce(bool_or(m.is_burst), false) AS is_burst, max(m.of_other) >= $2::integer AS is_both,
        (array_agg(m.number ORDER BY m.number))[1:500] AS numbers
    FROM measured m
    GROUP BY m.kind, m.name
    HAVING count(*) >= $2::integer
        AND (m.kind = 'network' OR count(DISTINCT m.other) > 1 OR count(m.other) < count(*))
), placed AS (
    SELECT row_number() OVER (ORDER BY g.entries DESC, g.numbers[1], g.kind, g.name) AS place, g.kind, g.entries,
        g.tickets, g.first_joined_at, g.last_joined_at, g.is_burst, g.is_both, g.numbers
    FROM grouped g
)
SELECT p.place, p.kind, p.entries, p.tickets, p.first_joined_at, p.last_joined_at, p.is_burst, p.is_both, p.numbers
FROM placed p
WHERE $4::bigint IS NULL OR p.place > $4
ORDER BY p.place LIMIT $5
