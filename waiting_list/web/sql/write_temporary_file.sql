-- Sorts a megabyte, which with little memory needs a temporary file: fails where the disk has no room for it.
-- Locks nothing.
SELECT count(*) FROM (SELECT n FROM generate_series(1, 20000) AS n ORDER BY md5(n::text) OFFSET 0) AS sorted
