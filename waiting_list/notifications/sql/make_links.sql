-- Store the hashes of some private links of one list, so that the links work. Skip those with another version.
-- Locks those rows.
UPDATE contacts c SET link_hash = ($4::bytea[])[array_position($2::bigint[], c.number)]
WHERE c.list_id = $1 AND c.number = ANY ($2::bigint[])
    AND c.link_version = ($3::integer[])[array_position($2::bigint[], c.number)]
