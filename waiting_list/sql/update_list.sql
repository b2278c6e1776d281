-- Stock, settings and counters of one list after a change.
-- Writes the list's row, which is locked already.
UPDATE inventory
SET total_stock = $2, available_stock = $3, held = $4, waiting_list_open = $5, closed_by_hand = $6,
    policy = $7, skip_limit = $8, hold_minutes = $9, after_expiry = $10, automatic = $11,
    max_waiting = $12, closes_at = $13, ended_at = $14, hold_steps = $15, quiet_from = $16, quiet_until = $17,
    verify_email = $18, reminder_minutes = $19, purchase_url = $20, join_challenge = $21,
    one_place_per_address = $22,
    waiting = $23, tickets_waiting = $24, last_number = $25, last_rank = $26, last_sequence = $27
WHERE list_id = $1
