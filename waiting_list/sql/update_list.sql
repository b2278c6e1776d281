-- Stock, settings and counters of one list after a change.
-- Writes the list's row, which is locked already.
UPDATE inventory
SET total_stock = $2, available_stock = $3, held = $4, waiting_list_open = $5, closed_by_hand = $6,
    policy = $7, skip_limit = $8, hold_minutes = $9, after_expiry = $10, automatic = $11,
    max_waiting = $12, closes_at = $13, ended_at = $14,
    waiting = $15, tickets_waiting = $16, last_number = $17, last_rank = $18, last_sequence = $19
WHERE list_id = $1
