-- Stock, settings and counters of one list after a change.
-- Writes the list's row, which is locked already.
UPDATE inventory
SET total_stock = $2, available_stock = $3, held = $4, waiting_list_open = $5, closed_by_hand = $6,
    policy = $7, skip_limit = $8, hold_minutes = $9, after_expiry = $10, automatic = $11,
    max_waiting = $12, closes_at = $13, ended_at = $14, hold_steps = $15, quiet_from = $16, quiet_until = $17,
    verify_email = $18, reminder_minutes = $19, purchase_url = $20,
    one_place_per_address = $21,
    waiting = $22, tickets_waiting = $23, last_number = $24, last_rank = $25, last_sequence = $26
WHERE list_id = $1
