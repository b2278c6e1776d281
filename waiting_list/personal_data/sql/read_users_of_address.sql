-- Read the users who gave an e-mail address in the lists of one organization.
-- Locks nothing. It reads all contacts of the organization, because a search by address is rare.
SELECT DISTINCT e.user_id
FROM inventory i
JOIN contacts c ON c.list_id = i.list_id
JOIN entries e ON e.list_id = c.list_id AND e.number = c.number
WHERE i.organization_id = $1 AND lower(c.email) = lower($2)
