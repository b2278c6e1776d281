"""PostgreSQL: connections, statements, migrations, pages of a listing, the embedded server, a standby, Citus."""
