-- Store what an organization says of itself: the fields that $6 names; the others stay.
-- Locks the organization's row.
INSERT INTO organizations AS o (organization_id, sender_name, reply_to, contact, footer, personal_data_kept_days, accent, languages)
VALUES ($1, $2, $3, $4, $5, $7, $8, $9)
ON CONFLICT (organization_id) DO UPDATE SET
    sender_name = CASE WHEN 'sender_name' = ANY ($6::text[]) THEN excluded.sender_name ELSE o.sender_name END,
    reply_to = CASE WHEN 'reply_to' = ANY ($6::text[]) THEN excluded.reply_to ELSE o.reply_to END,
    contact = CASE WHEN 'contact' = ANY ($6::text[]) THEN excluded.contact ELSE o.contact END,
    footer = CASE WHEN 'footer' = ANY ($6::text[]) THEN excluded.footer ELSE o.footer END,
    personal_data_kept_days = CASE WHEN 'personal_data_kept_days' = ANY ($6::text[])
        THEN excluded.personal_data_kept_days ELSE o.personal_data_kept_days END,
    accent = CASE WHEN 'accent' = ANY ($6::text[]) THEN excluded.accent ELSE o.accent END,
    languages = CASE WHEN 'languages' = ANY ($6::text[]) THEN excluded.languages ELSE o.languages END,
    logo = CASE WHEN 'logo_url' = ANY ($6::text[]) THEN NULL ELSE o.logo END
RETURNING o.organization_id, o.sender_name, o.reply_to, o.contact, o.footer, o.personal_data_kept_days, o.accent, o.languages, o.logo
