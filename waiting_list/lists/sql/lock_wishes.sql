-- Lock the wishes of one organization until the transaction ends.
-- Locks the organization's row of wish_locks. Runs under the lock of one list, or of several, and no list is locked after it.
SELECT FROM wish_locks k WHERE k.organization_id = $1 FOR UPDATE
