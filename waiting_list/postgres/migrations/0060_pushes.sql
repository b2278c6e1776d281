-- Devices that are told when it is a fan's turn (Web Push, RFC 8030), and the key that signs what is pushed (RFC 8292). The
-- version before knows neither: what is pushed waits for a process of this version.

-- endpoint, p256dh and auth are what the browser gave. push_id follows from the entry and the endpoint. by_link says that the
-- device came by the private link, which ends with the link.
CREATE TABLE push_subscriptions (
    list_id uuid NOT NULL,
    number bigint NOT NULL,
    push_id uuid NOT NULL,
    endpoint text NOT NULL,
    p256dh text NOT NULL,
    auth text NOT NULL,
    by_link boolean NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (list_id, number, push_id)
);

-- In the outbox, the receiver of what is pushed is `push` (webhook_id); body is the push_id.

-- squawk-ignore ban-drop-constraint
ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_purpose;
ALTER TABLE signing_keys
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT signing_keys_purpose CHECK (purpose IN ('user_token', 'purchase_pass', 'derived', 'push'));
