-- Read the offers of places to or of a person of one organization ($1), by user ($2) or mailbox ($3), with their lists.
-- Locks nothing. Reads all offers of the organization, because few are open, and a person is seldom asked for.
SELECT i.offer_id, i.representation_id, t.number, t.email, t.offered_at, t.expires_at, t.transferred_at
FROM transfers t
JOIN inventory i ON i.list_id = t.list_id
JOIN entries e ON e.list_id = t.list_id AND e.number = t.number
WHERE t.organization_id = $1 AND t.email IS NOT NULL AND (e.user_id = $2 AND t.transferred_at IS NULL OR t.mailbox = ANY ($3::text[]))
ORDER BY t.offered_at, t.transfer_id
