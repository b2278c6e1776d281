-- Write the settings of one list.
-- Locks its row; runs under its lock.
UPDATE inventory
SET
    -- settings = $2
    policy = $2, skip_limit = $3, idle_minutes = $4, hold_minutes = $5, hold_steps = $6, quiet_from = $7,
    quiet_until = $8, hold_grace_seconds = $9, after_expiry = $10, automatic = $11, max_waiting = $12,
    closes_at = $13, verify_email = $14, reminder_minutes = $15, purchase_url = $16, join_challenge = $17,
    one_place_per_address = $18, ignore_address_tags = $19, requeue_limit = $20, email_required = $21,
    skip_failed_addresses = $22, public_ledger = $23, transfer = $24
    -- end of settings
WHERE list_id = $1
