-- How organizations look: a colour and a logo of their own, and an image for each event. Additions only.
CREATE TABLE IF NOT EXISTS images (
    -- Names the owner and the content by a hash, and the size in pixels: what pages need to show it.
    image text PRIMARY KEY,
    organization_id text NOT NULL,
    content bytea NOT NULL,
    small bytea,
    created_at timestamptz NOT NULL
);
ALTER TABLE organizations ADD COLUMN IF NOT EXISTS accent text;
ALTER TABLE organizations ADD COLUMN IF NOT EXISTS logo text;
ALTER TABLE events ADD COLUMN IF NOT EXISTS image text;
