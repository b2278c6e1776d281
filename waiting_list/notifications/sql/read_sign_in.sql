-- Read the request to sign in that belongs to a link, if the link has not expired, and what its organization says of
-- itself. Locks nothing.
SELECT s.organization_id, s.email, s.locale, s.next,
    z.sender_name, z.reply_to, z.contact AS organizer_contact, z.logo, z.accent, z.languages, z.footer
FROM sign_ins s
LEFT JOIN organizations z ON z.organization_id = s.organization_id
WHERE s.sign_in_id = $1 AND s.expires_at > clock_timestamp()
