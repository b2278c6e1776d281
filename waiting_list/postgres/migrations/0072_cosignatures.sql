-- Of each witness the last size of a list's ledger that it cosigned, and its signature line. The version before goes on as before.
ALTER TABLE checkpoints ADD COLUMN cosigned jsonb NOT NULL DEFAULT '{}';
