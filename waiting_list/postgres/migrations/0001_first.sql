-- The whole first schema. Catalogue tables (events, representations, offers, api_keys, signing_keys)
-- are small and read by every list; per-list tables start every key with list_id, so that one list
-- can live on any node of a distributed PostgreSQL. No triggers, no sequences.

CREATE TABLE events (
    event_id text PRIMARY KEY CHECK (char_length(event_id) BETWEEN 1 AND 200),
    organization_id text NOT NULL CHECK (char_length(organization_id) BETWEEN 1 AND 200),
    title text NOT NULL,
    description text NOT NULL,
    thumbnail_url text,
    venue_name text NOT NULL,
    venue_address text NOT NULL,
    timezone text NOT NULL,
    CONSTRAINT events_of_organization UNIQUE (organization_id, event_id)
);

CREATE TABLE representations (
    representation_id text PRIMARY KEY CHECK (char_length(representation_id) BETWEEN 1 AND 200),
    event_id text NOT NULL CONSTRAINT representations_event REFERENCES events,
    start_datetime timestamptz NOT NULL,
    end_datetime timestamptz NOT NULL,
    CONSTRAINT representations_of_event UNIQUE (event_id, representation_id),
    CONSTRAINT representations_end_after_start CHECK (end_datetime >= start_datetime)
);
CREATE INDEX representations_by_start ON representations (start_datetime);

CREATE TABLE offers (
    offer_id text PRIMARY KEY CHECK (char_length(offer_id) BETWEEN 1 AND 200),
    event_id text NOT NULL CONSTRAINT offers_event REFERENCES events,
    name text NOT NULL,
    type text NOT NULL,
    max_quantity_per_order integer NOT NULL CHECK (max_quantity_per_order >= 1),
    description text NOT NULL,
    CONSTRAINT offers_of_event UNIQUE (event_id, offer_id)
);

-- The stock of one offer at one representation, and the row that every change to its list locks.
-- list_id is derived from the pair (waiting_list/models.py), so the pair is unique because it is.
CREATE TABLE inventory (
    list_id uuid PRIMARY KEY,
    organization_id text NOT NULL,
    event_id text NOT NULL,
    offer_id text NOT NULL,
    representation_id text NOT NULL,
    total_stock integer NOT NULL,
    available_stock integer NOT NULL,
    held integer NOT NULL DEFAULT 0,
    waiting_list_open boolean NOT NULL,
    closed_by_hand boolean NOT NULL DEFAULT false,
    policy text NOT NULL DEFAULT 'strict' CHECK (policy IN ('strict', 'skip')),
    skip_limit integer NOT NULL DEFAULT 10 CHECK (skip_limit >= 0),
    hold_minutes integer DEFAULT 1440 CHECK (hold_minutes >= 1),
    after_expiry text NOT NULL DEFAULT 'leave' CHECK (after_expiry IN ('leave', 'requeue')),
    automatic boolean NOT NULL DEFAULT true,
    max_waiting integer CHECK (max_waiting >= 1),
    closes_at timestamptz,
    waiting integer NOT NULL DEFAULT 0 CHECK (waiting >= 0),
    tickets_waiting bigint NOT NULL DEFAULT 0 CHECK (tickets_waiting >= waiting),
    last_number bigint NOT NULL DEFAULT 0 CHECK (last_number >= 0),
    last_rank bigint NOT NULL DEFAULT 0 CHECK (last_rank >= 0),
    last_sequence bigint NOT NULL DEFAULT 0 CHECK (last_sequence >= 0),
    ended_at timestamptz,
    CONSTRAINT inventory_event FOREIGN KEY (organization_id, event_id)
        REFERENCES events (organization_id, event_id),
    CONSTRAINT inventory_offer FOREIGN KEY (event_id, offer_id) REFERENCES offers (event_id, offer_id),
    CONSTRAINT inventory_representation FOREIGN KEY (event_id, representation_id)
        REFERENCES representations (event_id, representation_id),
    CONSTRAINT inventory_stock CHECK (0 <= held AND held <= available_stock AND available_stock <= total_stock),
    CONSTRAINT inventory_closed_by_hand CHECK (NOT (closed_by_hand AND waiting_list_open))
) WITH (fillfactor = 50);
CREATE INDEX inventory_by_organization ON inventory (organization_id, offer_id, representation_id);
CREATE INDEX inventory_by_event ON inventory (event_id, offer_id, representation_id);
CREATE INDEX inventory_by_representation ON inventory (representation_id);

-- One user's place in one list. user_id is null once the person was erased.
CREATE TABLE entries (
    list_id uuid NOT NULL REFERENCES inventory,
    number bigint NOT NULL CHECK (number >= 1),
    user_id text CHECK (char_length(user_id) BETWEEN 1 AND 200),
    status text NOT NULL CHECK (status IN ('waiting', 'ready', 'left')),
    left_reason text CHECK (left_reason IN ('bought', 'cancelled', 'expired', 'removed', 'ended')),
    tickets_wanted integer NOT NULL,
    tickets_minimum integer NOT NULL,
    tickets_held integer NOT NULL DEFAULT 0,
    rank bigint NOT NULL,
    passed_over integer NOT NULL DEFAULT 0 CHECK (passed_over >= 0),
    joined_at timestamptz NOT NULL,
    ready_at timestamptz,
    ready_until timestamptz,
    left_at timestamptz,
    PRIMARY KEY (list_id, number),
    CONSTRAINT entries_minimum CHECK (1 <= tickets_minimum AND tickets_minimum <= tickets_wanted),
    CONSTRAINT entries_held CHECK (CASE WHEN status = 'ready'
        THEN tickets_held BETWEEN tickets_minimum AND tickets_wanted ELSE tickets_held = 0 END),
    CONSTRAINT entries_ready CHECK (CASE status WHEN 'ready' THEN ready_at IS NOT NULL
        WHEN 'waiting' THEN ready_at IS NULL AND ready_until IS NULL ELSE true END),
    CONSTRAINT entries_left CHECK ((status = 'left') = (left_at IS NOT NULL)
        AND (status = 'left') = (left_reason IS NOT NULL)),
    CONSTRAINT entries_erased CHECK (user_id IS NOT NULL OR status = 'left')
);
CREATE UNIQUE INDEX entries_active ON entries (list_id, user_id) WHERE status <> 'left';
CREATE UNIQUE INDEX entries_order ON entries (list_id, status, rank) WHERE status <> 'left';
CREATE INDEX entries_fitting ON entries (list_id, tickets_minimum, rank) WHERE status = 'waiting';
CREATE INDEX entries_due ON entries (ready_until, list_id) WHERE status = 'ready';
CREATE INDEX entries_by_user ON entries (user_id, list_id, number);

-- How many wait in one stretch of ranks (rank >> 30), and how many tickets they want: positions are
-- the sum of the segments before and a count within one.
CREATE TABLE segments (
    list_id uuid NOT NULL REFERENCES inventory,
    segment bigint NOT NULL,
    waiting integer NOT NULL CHECK (waiting >= 0),
    tickets bigint NOT NULL CHECK (tickets >= waiting),
    PRIMARY KEY (list_id, segment)
) WITH (fillfactor = 50);

-- Entries as clients see them: with their exact place while they wait, and a deadline that is never later
-- than the end of the list. Select by list_id and number; the place is worked out for those rows only.
CREATE VIEW shown_entries AS
SELECT e.list_id, e.number, i.organization_id, i.offer_id, i.representation_id, i.event_id, e.user_id,
    e.status, e.left_reason, e.tickets_wanted, e.tickets_minimum, e.tickets_held, e.rank,
    p.position, p.tickets_ahead, e.joined_at, e.ready_at,
    CASE WHEN e.status = 'ready' THEN least(e.ready_until, i.closes_at, r.start_datetime)
        ELSE e.ready_until END AS ready_until,
    e.left_at
FROM entries e
JOIN inventory i ON i.list_id = e.list_id
JOIN representations r ON r.representation_id = i.representation_id
LEFT JOIN LATERAL (
    SELECT 1 + before.waiting + own.waiting AS position, before.tickets + own.tickets AS tickets_ahead
    FROM (
        SELECT coalesce(sum(s.waiting), 0)::bigint AS waiting, coalesce(sum(s.tickets), 0)::bigint AS tickets
        FROM segments s WHERE s.list_id = e.list_id AND s.segment < e.rank >> 30
    ) AS before,
    (
        SELECT count(*) AS waiting, coalesce(sum(x.tickets_wanted), 0)::bigint AS tickets
        FROM entries x
        WHERE x.list_id = e.list_id AND x.status = 'waiting'
            AND x.rank >= (e.rank >> 30) << 30 AND x.rank < e.rank
    ) AS own
) AS p ON e.status = 'waiting';

-- Every change, in order. It names entries by number, never by person. before and after hold the
-- fields that changed, of the list and of the entry; before is null where the thing was made.
CREATE TABLE history (
    list_id uuid NOT NULL REFERENCES inventory,
    sequence bigint NOT NULL CHECK (sequence >= 1),
    at timestamptz NOT NULL,
    actor text NOT NULL,
    verb text NOT NULL,
    number bigint,
    before jsonb,
    after jsonb NOT NULL,
    PRIMARY KEY (list_id, sequence)
);

-- Notices to send, written in the transaction of their cause.
CREATE TABLE outbox (
    list_id uuid NOT NULL REFERENCES inventory,
    notice_id uuid NOT NULL,
    number bigint,
    type text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    sent_at timestamptz,
    PRIMARY KEY (list_id, notice_id)
);
CREATE INDEX outbox_due ON outbox (due_at, list_id) WHERE sent_at IS NULL;

-- First answers to requests that carried an Idempotency-Key, written in the transaction of the change.
-- key_hash covers who called. list_id is the list's, or for an organization's own calls one derived from
-- its name: hence no foreign key.
CREATE TABLE idempotency (
    list_id uuid NOT NULL,
    key_hash bytea NOT NULL,
    request_hash bytea NOT NULL,
    answer text NOT NULL,
    user_id text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (list_id, key_hash)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);
CREATE INDEX idempotency_by_user ON idempotency (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE api_keys (
    key_id text PRIMARY KEY,
    organization_id text NOT NULL CHECK (char_length(organization_id) BETWEEN 1 AND 200),
    name text NOT NULL,
    secret_hash bytea NOT NULL,
    read_only boolean NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX api_keys_by_organization ON api_keys (organization_id, created_at, key_id);

-- What this deployment signs with: user tokens (a shared secret) and purchase passes (a private key).
CREATE TABLE signing_keys (
    purpose text PRIMARY KEY CHECK (purpose IN ('user_token', 'purchase_pass')),
    key_id text NOT NULL,
    secret bytea NOT NULL,
    created_at timestamptz NOT NULL
);
