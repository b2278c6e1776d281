-- The feed of an organization's changes: parts of the histories of its lists, in the order in which readers of the feed
-- saw them. `lists` and `changes` are the totals that the feed covers, so that a reader sees at once whether it is whole.
CREATE TABLE feeds (
    organization_id text PRIMARY KEY,
    position bigint NOT NULL,
    lists bigint NOT NULL,
    changes bigint NOT NULL
);
CREATE TABLE feed_parts (
    organization_id text NOT NULL,
    position bigint NOT NULL,
    list_id uuid NOT NULL,
    after_sequence bigint NOT NULL,
    until_sequence bigint NOT NULL,
    PRIMARY KEY (organization_id, position),
    CONSTRAINT feed_parts_once UNIQUE (organization_id, list_id, until_sequence),
    CONSTRAINT feed_parts_forward CHECK (until_sequence > after_sequence)
);
