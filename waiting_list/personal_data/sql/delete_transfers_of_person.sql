-- Forget the offers of places to, and letters about one to, a person of one organization ($1), by mailbox ($2).
-- Locks those rows.
WITH offered AS (
    DELETE FROM transfers t WHERE t.organization_id = $1 AND t.mailbox = ANY ($2::text[]) AND t.transferred_at IS NULL
)
UPDATE transfers t SET mailbox = NULL, email = NULL, locale = NULL
WHERE t.organization_id = $1 AND t.mailbox = ANY ($2::text[]) AND t.transferred_at IS NOT NULL
