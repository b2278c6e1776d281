-- Update the stock, settings and counters of one list after a change.
-- Writes the list's row, which this transaction has already locked.
UPDATE inventory
SET total_stock = $2, available_stock = $3, held = $4, waiting_list_open = $5, closed_by_hand = $6,
    ended_at = $7, waiting = $8, tickets_waiting = $9, last_number = $10, last_rank = $11, last_sequence = $12,
    -- settings = $13
    policy = $13, skip_limit = $14, hold_minutes = $15, hold_steps = $16, quiet_from = $17, quiet_until = $18,
    after_expiry = $19, automatic = $20, max_waiting = $21, closes_at = $22, verify_email = $23,
    reminder_minutes = $24, purchase_url = $25, join_challenge = $26, one_place_per_address = $27
    -- end of settings
WHERE list_id = $1
