-- Sort a megabyte, which with little memory needs a temporary file. It fails if the disk has no room for the file.
-- Locks nothing.
SELECT count(*) FROM (SELECT n FROM generate_series(1, 20000) AS n ORDER BY md5(n::text) OFFSET 0) AS sorted
