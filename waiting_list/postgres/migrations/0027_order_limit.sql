-- The order limit by which a list last served its line, so that a replay of the history knows which wishes were too
-- large for anybody to be held. Null: by code before this migration, which asked the offer alone.
ALTER TABLE inventory ADD COLUMN order_limit integer;
