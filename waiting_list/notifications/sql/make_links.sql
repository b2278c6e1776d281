-- Store the hashes of some private links of one list, so that the links work. Skip those with another version.
-- Locks those rows.
UPDATE contacts c SET link_hash = n.link_hash
FROM unnest($2::bigint[], $3::integer[], $4::bytea[]) AS n (number, link_version, link_hash)
WHERE c.list_id = $1 AND c.number = ANY ($2::bigint[])
    AND c.number = n.number AND c.link_version = n.link_version
