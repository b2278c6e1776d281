-- Write the row of the list of write_changes, for Citus.
-- Locks the row; runs under the list's lock.
UPDATE inventory
SET total_stock = $2, available_stock = $3, held = $4, waiting_list_open = $5, closed_by_hand = $6, ended_at = $7, idle_until = $8,
    order_limit = $9, waiting = $10, tickets_waiting = $11, last_number = $12, last_rank = $13, last_sequence = $14,
    version = $15
WHERE list_id = $1
RETURNING list_id
