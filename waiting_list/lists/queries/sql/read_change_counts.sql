-- Count the changes of organizations, over all their lists, and of single lists. Each list keeps its own count, so that
-- a long list costs no more. Locks nothing.
SELECT organization_id, NULL::uuid AS list_id, sum(last_sequence)::bigint AS version
FROM inventory WHERE organization_id = ANY($1::text[]) GROUP BY organization_id
UNION ALL
SELECT organization_id, list_id, last_sequence AS version FROM inventory WHERE list_id = ANY($2::uuid[])
