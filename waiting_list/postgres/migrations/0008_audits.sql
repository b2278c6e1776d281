-- What the last audits of all lists have found, for whoever watches over the service.
CREATE TABLE audits (
    ended_at timestamptz PRIMARY KEY,
    lists int NOT NULL CHECK (lists >= 0),
    differences int NOT NULL CHECK (differences BETWEEN 0 AND lists)
);
