-- Read images in the order of their names, after one: those whose bytes are in the store, or with $1 in the database.
-- Locks nothing.
SELECT i.image, i.content, i.small, i.stored FROM images i
WHERE (i.stored IS NULL) = $1::boolean AND i.image > $2 ORDER BY i.image LIMIT 20
