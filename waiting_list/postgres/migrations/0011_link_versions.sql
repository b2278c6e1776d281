-- The first private link of an entry follows from its list, its number and the version of its link. When a backup is
-- restored, or a list is deleted and made again, numbers are given again, to others: their links must not be those of
-- who had the numbers first. So the first version is any number.
ALTER TABLE contacts ALTER COLUMN link_version SET DEFAULT (random() * 1000000000)::integer;
