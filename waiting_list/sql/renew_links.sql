-- Has the private links of entries to come be others than any before: their first version is the minute it is now.
-- Locks the table of contacts for a moment.
DO $$
BEGIN
    EXECUTE format(
        'ALTER TABLE contacts ALTER COLUMN link_version SET DEFAULT %s',
        (extract(epoch FROM clock_timestamp()) / 60)::integer
    );
END
$$
