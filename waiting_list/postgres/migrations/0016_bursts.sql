-- How many requests a limit grants at once: fewer than in a minute, where a crowd must not be outrun.
ALTER TABLE allowances ADD COLUMN at_once int;
