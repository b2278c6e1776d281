-- Read the organization of one list, its rule for challenges, and whether some worker sends e-mails.
-- Locks nothing.
SELECT i.organization_id, EXISTS (SELECT FROM mail_seen) AS sends_mail, i.join_challenge FROM inventory i WHERE i.list_id = $1
