-- Delete sign-outs older than $1, because every token from before them has expired.
-- Locks those rows; concurrent runs are safe.
DELETE FROM sign_outs WHERE signed_out_at < statement_timestamp() - $1::interval
