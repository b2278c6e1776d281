-- Read the alerts that a person of one organization ($1) has asked for, by user ($2) or mailbox ($3), with their lists.
-- Locks nothing. Reads all alerts of the organization, because a person has them in few lists, and is seldom asked for.
SELECT i.offer_id, i.representation_id, a.alert_id, a.email, a.locale, a.asked_at, a.told_at
FROM alerts a
JOIN inventory i ON i.list_id = a.list_id
WHERE a.organization_id = $1 AND (a.fan_id = $2 OR a.mailbox = ANY ($3::text[]))
ORDER BY a.asked_at, a.alert_id
