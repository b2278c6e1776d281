-- The start that was announced first since somebody waits, of a representation that was moved. The version before goes on as before.
ALTER TABLE representations ADD COLUMN moved_from timestamptz;
