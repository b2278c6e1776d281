-- Set whether the fan of one entry gets e-mails. A fan who has unsubscribed before keeps the first time.
-- Locks the row of the entry's contact.
UPDATE contacts SET unsubscribed_at = CASE WHEN NOT $3 THEN coalesce(unsubscribed_at, $4) END
WHERE list_id = $1 AND number = $2
