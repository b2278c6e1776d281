-- Images whose bytes are in an S3-compatible store, in place of the database.
-- An older process cannot show those; it shows the others. So replace all processes before one of them has a store.
-- The name of the image's file in the store; null: the bytes are here.
ALTER TABLE images ADD COLUMN IF NOT EXISTS stored text;
-- squawk-ignore ban-drop-not-null
ALTER TABLE images ALTER COLUMN content DROP NOT NULL;
-- Files of the store that no image names: one is written before its image, and deleted after it.
CREATE TABLE IF NOT EXISTS unused_files (
    file text PRIMARY KEY,
    since timestamptz NOT NULL
);
