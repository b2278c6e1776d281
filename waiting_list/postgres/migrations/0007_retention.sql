-- How long personal data is kept: lists that ended are pruned. Whoever runs the version before goes on as before.

-- All entries up to this number name nobody; when the last of them was pruned. A list that takes entries again, and
-- ends again, is to be pruned again.
ALTER TABLE inventory
    ADD COLUMN pruned_number bigint NOT NULL DEFAULT 0,
    ADD COLUMN pruned_at timestamptz;

-- Answers to repeated requests name entries by number. Nothing writes idempotency.user_id any more; the version before
-- does, for a day at most, and it goes with a later version.
