-- The version of an inventory: the sequence of the last change of its stock. A caller that changes the stock can
-- name the version that it knows (If-Match). Code before this migration does not raise it.
ALTER TABLE inventory ADD COLUMN version bigint NOT NULL DEFAULT 1;
