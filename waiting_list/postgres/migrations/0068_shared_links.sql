-- A second private link of an entry, which its fan makes for another person and ends. Additions only: the version before goes on
-- as before, without such links.
CREATE TABLE shared_links (
    list_id uuid NOT NULL,
    number bigint NOT NULL,
    link_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (list_id, number)
);
CREATE UNIQUE INDEX shared_links_hash ON shared_links (list_id, link_hash);
