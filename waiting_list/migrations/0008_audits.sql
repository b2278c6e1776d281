-- What the last audits of all lists have found, for whoever watches over the service.
CREATE TABLE audits (
    ended_at timestamptz PRIMARY KEY,
    lists int NOT NULL CHECK (lists >= 0),
    differences int NOT NULL CHECK (differences BETWEEN 0 AND lists)
);

-- How many notices were given up is asked every few seconds.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX outbox_dead ON outbox (ended_at) WHERE status = 'dead';
