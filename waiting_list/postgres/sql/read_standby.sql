-- Read the position that a standby has received. It keeps up if connected and replayed up to the last read ($1).
-- Locks nothing.
SELECT
    pg_last_wal_receive_lsn()::text AS received,
    NOT pg_is_in_recovery() OR (
        EXISTS (SELECT FROM pg_stat_wal_receiver w WHERE w.pid IS NOT NULL)
        AND coalesce(pg_last_wal_replay_lsn() >= $1::text::pg_lsn, TRUE)
    ) AS keeps_up
