-- Makes the private links of some entries of one list good, each if it is still of this version.
-- Locks those rows.
UPDATE contacts c SET link_hash = n.link_hash
FROM unnest($2::bigint[], $3::integer[], $4::bytea[]) AS n (number, link_version, link_hash)
WHERE c.list_id = $1 AND c.number = n.number AND c.link_version = n.link_version
