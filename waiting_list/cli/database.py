"""Define `migrate` and `distribute`, the commands for the schema."""

from typing import Annotated

import typer

from waiting_list.cli.options import DataDir


def migrate_database(data_dir: DataDir = None) -> None:
    """Migrate the database to the newest schema.

    The command is safe to repeat, and to run on several machines at once.
    """
    import uvloop

    from waiting_list.cli.context import dsn_of, with_database
    from waiting_list.postgres.migrate import migrate

    with with_database(data_dir, schema="leave") as settings:
        applied = uvloop.run(migrate(dsn_of(settings)))
        print(f"Applied {', '.join(applied)}." if applied else "Nothing to apply.")


def distribute_tables(
    shards: Annotated[int, typer.Option(min=1, max=1024, help="Number of shards for the lists.")] = 32,
    data_dir: DataDir = None,
) -> None:
    """Distribute the tables over a Citus cluster.

    Stop the service first. The command is safe to repeat.
    """
    import uvloop

    from waiting_list.cli.context import dsn_of, with_database
    from waiting_list.postgres.citus import distribute

    with with_database(data_dir) as settings:
        done = uvloop.run(distribute(dsn_of(settings), shards=shards))
        print(f"Distributed {', '.join(done)}." if done else "All tables are already distributed.")
