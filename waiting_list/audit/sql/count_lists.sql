-- Count the lists, to tell how far an audit is.
-- Locks nothing.
SELECT count(*) FROM inventory
