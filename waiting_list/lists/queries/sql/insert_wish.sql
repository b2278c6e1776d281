-- Write a wish ($1) of a user ($3) of one organization ($2), over the lists $5, and the row that locks the organization's wishes.
-- A repeat changes nothing. Locks the new rows.
WITH locks AS (
    INSERT INTO wish_locks (organization_id) VALUES ($2) ON CONFLICT DO NOTHING
)
INSERT INTO wishes (wish_id, organization_id, user_id, choice, lists, created_at)
VALUES ($1, $2, $3, $4, $5::uuid[], $6) ON CONFLICT DO NOTHING
