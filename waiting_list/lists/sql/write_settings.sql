-- Write the settings of one list.
-- Locks its row; runs under its lock.
UPDATE inventory
SET
    -- settings = $2
    policy = $2, skip_limit = $3, hold_minutes = $4, hold_steps = $5, quiet_from = $6, quiet_until = $7,
    after_expiry = $8, automatic = $9, max_waiting = $10, closes_at = $11, verify_email = $12,
    reminder_minutes = $13, purchase_url = $14, join_challenge = $15, one_place_per_address = $16
    -- end of settings
WHERE list_id = $1
