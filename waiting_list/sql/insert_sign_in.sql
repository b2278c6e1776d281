-- Keeps who asked to sign in by e-mail, and that the link is to be sent; neither if that address has asked within the
-- last minute. Locks the new rows; two at once may both be kept.
WITH kept AS (
    INSERT INTO sign_ins (sign_in_id, organization_id, email, locale, next, created_at, expires_at)
    SELECT $1, $2, $3, $4, $5, c.now, c.now + $6::interval
    FROM (SELECT statement_timestamp() AS now) AS c
    WHERE NOT EXISTS (
        SELECT 1 FROM sign_ins s
        WHERE s.organization_id = $2 AND lower(s.email) = lower($3) AND s.created_at > c.now - interval '1 minute'
    )
    RETURNING sign_in_id, organization_id, created_at
)
INSERT INTO outbox (list_id, notice_id, organization_id, type, created_at, due_at)
SELECT $7, k.sign_in_id, k.organization_id, 'sign_in', k.created_at, k.created_at FROM kept k
