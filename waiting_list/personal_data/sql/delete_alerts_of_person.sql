-- Delete the alerts that a person of one organization ($1) has asked for, by user ($2) or mailbox ($3).
-- Locks those rows.
DELETE FROM alerts a WHERE a.organization_id = $1 AND (a.fan_id = $2 OR a.mailbox = ANY ($3::text[]))
