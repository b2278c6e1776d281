-- Write the statement that sets a parameter ($1) of this database to a value ($2), for every later connection.
-- Locks nothing.
SELECT 'ALTER DATABASE ' || quote_ident(current_database()) || ' SET ' || $1::text || ' = ' || quote_literal($2::text)
