-- Read which organization one list belongs to, whether some worker of the deployment sends e-mails, and the rule for
-- challenges.
-- Locks nothing.
SELECT i.organization_id, EXISTS (SELECT FROM mail_seen) AS sends_mail, i.join_challenge FROM inventory i WHERE i.list_id = $1
