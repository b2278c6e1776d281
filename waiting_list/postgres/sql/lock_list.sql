-- Lock one list, in the trip to the database that begins a transaction, or within one.
-- Locks the list's row until the transaction ends: the one lock of every change to a list.
SELECT FROM inventory WHERE list_id = $1 FOR UPDATE
