-- Read an image, or with $2 its small form, and the file of the store that has them if the database has not.
-- Locks nothing.
SELECT CASE WHEN $2::boolean THEN i.small ELSE i.content END, i.stored FROM images i WHERE i.image = $1
