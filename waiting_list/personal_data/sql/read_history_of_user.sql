-- Read the history of one user's entries in the lists of one organization; of an entry that another gave them, since then.
-- Locks nothing.
SELECT i.offer_id, i.representation_id, h.sequence, h.at, h.actor, h.verb, h.number, e.user_id,
    h.before::text, h.after::text, h.reason
FROM entries e
JOIN inventory i ON i.list_id = e.list_id
LEFT JOIN transfers t ON t.list_id = e.list_id AND t.number = e.number
JOIN history h ON h.list_id = e.list_id AND h.number = e.number
WHERE e.user_id = $1 AND i.organization_id = $2 AND (t.transferred_at IS NULL OR h.at >= t.transferred_at)
ORDER BY h.at, h.list_id, h.sequence
