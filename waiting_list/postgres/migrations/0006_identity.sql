-- API keys say what they may do, and until when; callers are limited over all processes; code that a migration leaves
-- behind can tell.

ALTER TABLE schema_migrations ADD COLUMN works_from integer NOT NULL DEFAULT 0;

-- scopes: NULL is a key of a version before: all, or only reading, by read_only, which such a version still looks at.
-- lifetime is what a key that replaces this one gets, too; expires_at may be earlier, once it was replaced.
ALTER TABLE api_keys
    ADD COLUMN scopes text[] CHECK (
        cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'stock', 'entries', 'admin']
    ),
    ADD COLUMN lifetime interval,
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN last_used_at timestamptz;

-- What callers may still do: full_at is when one has all of the limit again; asked_at, quantity and taken are of the
-- latest request. `caller` is a hash: nobody is named. Unlogged: a crash forgets it, and a minute later all is as before.
CREATE UNLOGGED TABLE allowances (
    caller bytea PRIMARY KEY,
    asked_at timestamptz NOT NULL,
    full_at timestamptz NOT NULL,
    quantity int NOT NULL,
    taken int NOT NULL
) WITH (fillfactor = 70);
