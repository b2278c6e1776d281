-- The ledger of each list: a Merkle tree (RFC 9162) over its history, and signed checkpoints (docs/ledger.md). The version
-- before writes changes without a leaf; the worker adds those, and those of older changes.

-- leaf is the hash of the public form. Erasing a person forgets a reason and its salt; the hash stays.
ALTER TABLE history
    ADD COLUMN leaf bytea,
    ADD COLUMN reason_salt bytea,
    ADD COLUMN reason_hash bytea;
ALTER TABLE inventory ADD COLUMN public_ledger boolean NOT NULL DEFAULT true;

-- The hashes of the full subtrees of 256, 65536 … changes (level 1, 2 …). A row never changes.
CREATE TABLE ledger_subtrees (
    list_id uuid NOT NULL REFERENCES inventory,
    level smallint NOT NULL,
    subtree bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (list_id, level, subtree)
);

-- The newest checkpoint of each list: how many changes it covers, their root hash, and the signed note. The origin stays what
-- it was at the first checkpoint.
CREATE TABLE checkpoints (
    list_id uuid PRIMARY KEY REFERENCES inventory,
    origin text NOT NULL,
    size bigint NOT NULL,
    root bytea NOT NULL,
    note text NOT NULL,
    signed_at timestamptz NOT NULL
);

-- The keys that sign checkpoints (Ed25519, 32 bytes each). One is in use; of the others the public part stays.
CREATE TABLE ledger_keys (
    key_id text PRIMARY KEY,
    private_key bytea,
    public_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz,
    CONSTRAINT ledger_keys_private CHECK ((private_key IS NULL) = (retired_at IS NOT NULL))
);
CREATE UNIQUE INDEX ledger_keys_in_use ON ledger_keys ((retired_at IS NULL)) WHERE retired_at IS NULL;
