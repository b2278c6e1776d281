-- Read what an organization says of itself; no row if it has said nothing yet.
-- Locks nothing.
SELECT o.organization_id, o.sender_name, o.reply_to, o.contact, o.footer, o.personal_data_kept_days, o.accent, o.languages, o.logo
FROM organizations o WHERE o.organization_id = $1
