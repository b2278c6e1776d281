-- Write the settings of one list.
-- Locks its row; runs under its lock.
UPDATE inventory
SET
    -- settings = $2
    policy = $2, skip_limit = $3, hold_minutes = $4, hold_steps = $5, quiet_from = $6, quiet_until = $7,
    hold_grace_seconds = $8, after_expiry = $9, automatic = $10, max_waiting = $11, closes_at = $12,
    verify_email = $13, reminder_minutes = $14, purchase_url = $15, join_challenge = $16,
    one_place_per_address = $17, ignore_address_tags = $18, requeue_limit = $19, email_required = $20
    -- end of settings
WHERE list_id = $1
