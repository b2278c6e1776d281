-- Read which of these lists ($1) one organization ($2) has, and whether they ask fans who join for a challenge.
-- Locks nothing.
SELECT i.list_id, i.join_challenge FROM inventory i WHERE i.list_id = ANY ($1::uuid[]) AND i.organization_id = $2
