-- Read an image and its small form.
-- Locks nothing.
SELECT i.content, i.small FROM images i WHERE i.image = $1
