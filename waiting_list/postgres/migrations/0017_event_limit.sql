-- On how many lists of an event one person may wait; null: on all. Additions only: the version before goes on as before.
ALTER TABLE events ADD COLUMN max_places_per_person int;
-- Every row is null: there is nothing to check, and a lock for a moment is enough.
ALTER TABLE events
    ADD CONSTRAINT events_max_places CHECK (max_places_per_person >= 1) NOT VALID;

-- Persons who joined a list of an event that has such a limit. A row is there to be locked: two joins of one person
-- go one after the other, whichever lists they are for. user_hash is an HMAC with a secret of the deployment, another in each
-- event. Without a foreign key: nobody who joins waits for a change of the event.
CREATE TABLE event_visitors (
    event_id text NOT NULL,
    user_hash bytea NOT NULL,
    locked_at timestamptz NOT NULL,
    PRIMARY KEY (event_id, user_hash)
);

CREATE INDEX event_visitors_by_instant ON event_visitors (locked_at);
