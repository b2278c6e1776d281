-- Put the e-mail with a link that signs a member in into the outbox of its organization.
-- Locks the new row.
INSERT INTO outbox (list_id, notice_id, organization_id, type, created_at, due_at)
VALUES ($1, $2, $3, 'member_link', statement_timestamp(), statement_timestamp())
