-- Find entries of one organization, or of one of its lists ($2), by how words of names and addresses begin: $3 is a tsquery.
-- The expression is that of the index contacts_words. Locks nothing.
SELECT e.list_id, e.number, e.status <> 'left' AS is_active, e.joined_at
FROM contacts c
JOIN inventory i ON i.list_id = c.list_id
JOIN entries e ON e.list_id = c.list_id AND e.number = c.number
WHERE i.organization_id = $1 AND ($2::uuid IS NULL OR c.list_id = $2)
    AND array_to_tsvector(array_remove(string_to_array(
        CASE WHEN octet_length(coalesce(c.name, '') || ' ' || coalesce(c.email, '')) = char_length(coalesce(c.name, '') || ' ' || coalesce(c.email, ''))
        THEN translate(lower(coalesce(c.name, '') || ' ' || coalesce(c.email, '')), '.@-_+''\/,()"', '            ')
        ELSE translate(lower(normalize(coalesce(c.name, '') || ' ' || coalesce(c.email, ''), NFD)),
            'øđł.@-_+''\/,()"’' || U&'\0300\0301\0302\0303\0304\0306\0307\0308\030a\030b\030c\031b\0323\0327\0328',
            'odl             ')
        END, ' '), ''))
    @@ $3::tsquery
LIMIT $4
