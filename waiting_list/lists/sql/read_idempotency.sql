-- Read the stored responses to some repeated requests about one list.
-- Locks nothing: runs under the list's lock.
SELECT key_hash, request_hash, answer FROM idempotency WHERE list_id = $1 AND key_hash = ANY ($2::bytea[])
