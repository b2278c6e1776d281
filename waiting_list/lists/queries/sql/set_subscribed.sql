-- Whether the fan of one entry gets e-mails from now on. Who has unsubscribed before did so then.
-- Locks the row of its contact.
UPDATE contacts SET unsubscribed_at = CASE WHEN NOT $3 THEN coalesce(unsubscribed_at, $4) END
WHERE list_id = $1 AND number = $2
