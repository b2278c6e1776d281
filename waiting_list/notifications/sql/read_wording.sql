-- Read the organizer's words in the e-mails about an event of one organization, and what those e-mails say of it.
-- Locks nothing.
SELECT e.wording, e.title, e.venue_name, e.venue_address, e.timezone FROM events e
WHERE e.event_id = $1 AND e.organization_id = $2
