-- What fans search in an event: title, venue and description, in lower case and without accents. Kept, because it takes longer to
-- make than to look through. PostgreSQL keeps it up to date, so the version before goes on as before. Rewrites events, a small table.
-- squawk-ignore adding-field-with-default
ALTER TABLE events ADD COLUMN searched text GENERATED ALWAYS AS (
    translate(
        lower(normalize(title || ' ' || venue_name || ' ' || venue_address || ' ' || description, NFD)),
        'øđł' || U&'\0300\0301\0302\0303\0304\0306\0307\0308\030a\030b\030c\031b\0323\0327\0328', 'odl'
    )
) STORED;
