-- Add lists ($4) to a wish ($1) of a user ($3) of one organization ($2) that no list has fulfilled, behind its others.
-- A repeat changes nothing. Locks the row.
UPDATE wishes w SET lists = w.lists || ARRAY(
    SELECT a.list_id FROM unnest($4::uuid[]) WITH ORDINALITY AS a (list_id, place)
    WHERE a.list_id <> ALL (w.lists) ORDER BY a.place
)
WHERE w.wish_id = $1 AND w.organization_id = $2 AND w.user_id = $3 AND w.done_list_id IS NULL
RETURNING cardinality(w.lists) AS lists
