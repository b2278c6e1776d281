-- Read the nodes of the cluster on which this database has another value than $2 for the parameter $1.
-- Locks nothing.
SELECT n.nodename || ':' || n.nodeport AS node
FROM run_command_on_all_nodes(
    'SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase'
    || ' WHERE s.setrole = 0 AND d.datname = current_database() AND '
    || quote_literal($1::text || '=' || $2::text) || ' = ANY (s.setconfig)'
) AS r
JOIN pg_dist_node n ON n.nodeid = r.nodeid
WHERE r.result <> '1'
ORDER BY 1
