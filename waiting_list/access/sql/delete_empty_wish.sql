-- Delete a wish ($1) that no list has taken.
-- Locks its row. By itself, because Citus keeps wishes apart from the entries of lists.
DELETE FROM wishes w WHERE w.wish_id = $1
