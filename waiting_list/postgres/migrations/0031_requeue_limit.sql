-- How often in a row a fan whose hold expires goes to the end of the line (null: without limit); and how often in a
-- row that has happened before an entry.
ALTER TABLE inventory ADD COLUMN requeue_limit integer DEFAULT 1;
ALTER TABLE entries ADD COLUMN requeued integer NOT NULL DEFAULT 0;
