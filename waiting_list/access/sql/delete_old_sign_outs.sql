-- Forgets sign-outs that are so long ago that every token from before them has expired.
-- Locks those rows; several at once do no harm.
DELETE FROM sign_outs WHERE signed_out_at < statement_timestamp() - $1::interval
