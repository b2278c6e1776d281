-- Write the row of the list of write_changes, for Citus.
-- Locks the row; runs under the list's lock.
UPDATE inventory
SET total_stock = $2, available_stock = $3, held = $4, waiting_list_open = $5, closed_by_hand = $6, ended_at = $7,
    order_limit = $8, waiting = $9, tickets_waiting = $10, last_number = $11, last_rank = $12, last_sequence = $13,
    version = $14
WHERE list_id = $1
RETURNING list_id
