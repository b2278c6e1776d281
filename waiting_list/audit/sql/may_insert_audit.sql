-- Whether this role can insert into audits: not on a standby, nor in a read-only session, nor without the right.
-- Locks nothing.
SELECT NOT pg_is_in_recovery()
    AND current_setting('transaction_read_only') = 'off'
    AND has_table_privilege('audits', 'INSERT')
