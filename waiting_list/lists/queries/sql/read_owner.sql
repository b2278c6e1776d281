-- Read which organization one list belongs to, and whether some worker of the deployment sends e-mails.
-- Locks nothing.
SELECT i.organization_id, EXISTS (SELECT FROM mail_seen) AS sends_mail FROM inventory i WHERE i.list_id = $1
