-- How many seconds a standby is behind its primary: 0 if it has replayed all that it got, infinity if it gets nothing.
-- Locks nothing.
SELECT CASE
    WHEN NOT pg_is_in_recovery() THEN 0
    WHEN NOT EXISTS (SELECT FROM pg_stat_wal_receiver w WHERE w.pid IS NOT NULL) THEN 'infinity'
    WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
    ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
END::float8
