-- One list with its stock, settings and counters.
-- Locks the list's row until the transaction ends: the one lock of every change to a list.
SELECT list_id, organization_id, event_id, offer_id, representation_id,
    total_stock, available_stock, held, waiting_list_open, closed_by_hand,
    -- settings
    policy, skip_limit, hold_minutes, hold_steps, quiet_from, quiet_until, after_expiry, automatic, max_waiting,
    closes_at, verify_email, reminder_minutes, purchase_url, join_challenge, one_place_per_address,
    -- end of settings
    waiting, tickets_waiting, last_number, last_rank, last_sequence, ended_at
FROM inventory WHERE list_id = $1
FOR UPDATE
