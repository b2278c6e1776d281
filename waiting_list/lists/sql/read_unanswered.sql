-- Read up to $2 waiting entries of lists that ask for verified addresses whose fan has not answered within $1 of the last e-mail
-- that asked for it. Locks nothing: the verb that follows looks again under the list's lock.
SELECT i.offer_id, i.representation_id, e.number, c.email
FROM inventory i
JOIN entries e ON e.list_id = i.list_id AND e.status = 'waiting' AND e.unverified
JOIN contacts c ON c.list_id = e.list_id AND c.number = e.number AND c.email IS NOT NULL
CROSS JOIN LATERAL (
    SELECT max(x.ended_at) FILTER (WHERE x.status = 'sent') AS sent_at, bool_or(x.status = 'pending') AS waits
    FROM outbox x WHERE x.list_id = e.list_id AND x.number = e.number AND x.type IN ('joined', 'verify')
) AS o
WHERE i.verify_email AND NOT e.address_failed AND e.joined_at < statement_timestamp() - $1::interval
    AND o.sent_at < statement_timestamp() - $1::interval AND NOT o.waits
LIMIT $2
