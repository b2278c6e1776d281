-- Tickets held, over time, for a line of released tickets (bought, or held). The worker counts them by themselves, from the
-- first change of each list: held_sequence says how far. So old lists get theirs, too, and a version before, which counts
-- on without them, leaves no gap. Additions only: the version before goes on as before.

ALTER TABLE counted_lists ADD COLUMN held_sequence bigint NOT NULL DEFAULT 0;
-- The difference over the period.
ALTER TABLE counted_periods ADD COLUMN tickets_held bigint NOT NULL DEFAULT 0;
