-- Drafts: events that fans do not see, for tests. Additions only: the version before shows them like any other.
ALTER TABLE events ADD COLUMN draft boolean NOT NULL DEFAULT false;
-- What lists had that were deleted with their entries. It names no person.
CREATE TABLE deleted_lists (
    list_id uuid NOT NULL,
    deleted_at timestamptz NOT NULL,
    organization_id text NOT NULL,
    offer_id text NOT NULL,
    representation_id text NOT NULL,
    actor text NOT NULL,
    changes bigint NOT NULL,
    entries bigint NOT NULL,
    tickets_bought bigint NOT NULL,
    PRIMARY KEY (list_id, deleted_at)
);
