-- Lock the feed of an organization, which exists from then on, and return its last position.
-- Locks the feed's row until the transaction ends.
INSERT INTO feeds AS f (organization_id, position, lists, changes) VALUES ($1, 0, 0, 0)
ON CONFLICT (organization_id) DO UPDATE SET position = f.position
RETURNING f.position
