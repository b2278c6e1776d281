-- Read the newest two changes and moves of the entry $2 after the time $3, and whether tickets went to any fan since (the
-- verbs $4), or somebody other than the fans ($5) moved one. Locks nothing: runs under the list's lock.
WITH own AS MATERIALIZED (
    SELECT h.sequence, h.verb, h.actor, h.before, h.after
    FROM history h
    WHERE h.list_id = $1 AND h.number = $2 AND h.verb IN ('move', 'change') AND h.at > $3
)
SELECT o.sequence, o.verb, o.actor, o.before::text, o.after::text, EXISTS (
        SELECT 1 FROM history h
        WHERE h.list_id = $1 AND h.sequence > o.sequence
            AND (h.verb = ANY ($4::text[]) OR h.verb = 'move' AND h.actor <> $5)
    ) AS overtaken
FROM own o ORDER BY o.sequence DESC LIMIT 2
