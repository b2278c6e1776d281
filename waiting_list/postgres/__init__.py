"""PostgreSQL: connections, migrations, statements, the embedded server."""
