-- Note who gets the letter about a change, and return who has not had it. Who waits gets none after a letter about a hold.
-- Locks the new rows, in one order; runs under the list's lock.
INSERT INTO told_people (change_id, person, holds, told_at)
SELECT $1, p.person, p.holds, $4
FROM (SELECT DISTINCT g.person, g.holds FROM unnest($2::bytea[], $3::boolean[]) AS g (person, holds)) AS p
WHERE p.holds OR NOT EXISTS (SELECT FROM told_people t WHERE t.change_id = $1 AND t.person = p.person)
ORDER BY p.person, p.holds
ON CONFLICT (change_id, person, holds) DO NOTHING
RETURNING person, holds
