-- Write the settings of one list, and what its draw has.
-- Locks its row; runs under its lock.
UPDATE inventory
SET draw_commitment = $2, drawn_at = $3, drawn_through = $4,
    -- settings = $5
    "order" = $5, draw_at = $6, draw_source = $7, policy = $8, skip_limit = $9, idle_minutes = $10,
    hold_minutes = $11, hold_steps = $12, quiet_from = $13, quiet_until = $14, hold_grace_seconds = $15,
    after_expiry = $16, automatic = $17, max_waiting = $18, closes_at = $19, verify_email = $20,
    reminder_minutes = $21, purchase_url = $22, join_challenge = $23, one_place_per_address = $24,
    ignore_address_tags = $25, requeue_limit = $26, email_required = $27, skip_failed_addresses = $28,
    public_ledger = $29, transfer = $30
    -- end of settings
WHERE list_id = $1
