-- Whose tokens were ended since an instant, the earliest first, and the instant of this look; two minutes more, for
-- what was not committed by then. A clock that was set back hides none. Locks nothing.
SELECT n.now, s.user_hash, s.signed_out_at
FROM (SELECT statement_timestamp() AS now) AS n
LEFT JOIN sign_outs s ON s.signed_out_at > least($1::timestamptz, n.now) - interval '2 minutes'
ORDER BY s.signed_out_at
