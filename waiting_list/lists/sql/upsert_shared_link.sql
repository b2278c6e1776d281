-- Make the shared link of one entry of one list; it takes the place of the former.
-- Locks its row; runs under the list's lock.
INSERT INTO shared_links (list_id, number, link_hash, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (list_id, number) DO UPDATE
SET link_hash = excluded.link_hash, created_at = excluded.created_at, used_at = NULL
