-- Read the sign-outs since $1, the earliest first, and the time of this read. Start two minutes earlier, because some
-- commit late. Start from the database's clock if that is behind $1. Locks nothing.
SELECT n.now, s.user_hash, s.signed_out_at
FROM (SELECT statement_timestamp() AS now) AS n
LEFT JOIN sign_outs s ON s.signed_out_at > least($1::timestamptz, n.now) - interval '2 minutes'
ORDER BY s.signed_out_at
