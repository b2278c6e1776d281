-- Read the organizer's words in the e-mails about an event of one organization, before they change.
-- Locks the event's row.
SELECT e.wording FROM events e WHERE e.event_id = $1 AND e.organization_id = $2
FOR NO KEY UPDATE
