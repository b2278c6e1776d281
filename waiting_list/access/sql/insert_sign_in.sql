-- Store a request to sign in by e-mail, and put the e-mail with the link in the outbox.
-- Locks the new rows.
WITH kept AS (
    INSERT INTO sign_ins (sign_in_id, organization_id, email, locale, next, created_at, expires_at)
    SELECT $1, $2, $3, $4, $5, c.now, c.now + $6::interval
    FROM (SELECT statement_timestamp() AS now) AS c
    RETURNING sign_in_id, organization_id, created_at
)
INSERT INTO outbox (list_id, notice_id, organization_id, type, created_at, due_at)
SELECT $7, k.sign_in_id, k.organization_id, 'sign_in', k.created_at, k.created_at FROM kept k
