-- Read the values that differ between one queue snapshot of a list and the next.
-- Locks nothing.
SELECT i.event_id, i.last_sequence AS version, i.waiting, i.tickets_waiting, i.available_stock - i.held AS free
FROM inventory i WHERE i.list_id = $1
