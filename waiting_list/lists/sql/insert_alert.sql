-- Note that a mailbox wants one letter when a list takes fans. If it waits for that already, nothing changes.
-- Locks the new row, or that of an earlier letter; runs under the list's lock.
INSERT INTO alerts AS a (list_id, number, alert_id, organization_id, mailbox, fan_id, email, locale, asked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (list_id, mailbox) DO UPDATE
SET number = excluded.number, alert_id = excluded.alert_id, fan_id = excluded.fan_id, email = excluded.email,
    locale = excluded.locale, asked_at = excluded.asked_at, told_at = NULL
WHERE a.told_at IS NOT NULL
