-- When all tokens of a user were last ended. `user_hash` names nobody: it may be there after the person was erased.
-- signed_out_at is also the version that the user's tokens have from then on.
CREATE TABLE sign_outs (
    user_hash bytea PRIMARY KEY,
    signed_out_at timestamptz NOT NULL
);

CREATE INDEX sign_outs_by_instant ON sign_outs (signed_out_at);
