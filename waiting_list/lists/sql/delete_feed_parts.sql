-- Delete the parts of a list from the feed of its organization, because another list may get the id.
-- Locks those rows; runs under the lock of the feed.
DELETE FROM feed_parts WHERE organization_id = $1 AND list_id = $2
