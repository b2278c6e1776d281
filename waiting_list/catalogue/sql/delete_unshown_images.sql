-- Delete the images that are older than a day and that no event and no organization shows; return their files.
-- Locks their rows.
DELETE FROM images i
WHERE i.created_at < statement_timestamp() - interval '1 day'
    AND NOT EXISTS (SELECT FROM organizations o WHERE o.organization_id = i.organization_id AND o.logo = i.image)
    AND NOT EXISTS (SELECT FROM events e WHERE e.organization_id = i.organization_id AND e.image = i.image)
RETURNING i.stored
