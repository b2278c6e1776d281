-- Store the organizer's words in the e-mails about an event of one organization.
-- Locks the event's row.
UPDATE events SET wording = $3 WHERE event_id = $1 AND organization_id = $2
