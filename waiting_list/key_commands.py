"""API keys, from the command line."""

from typing import Annotated

import typer

from waiting_list import catalogue
from waiting_list.database import Pool
from waiting_list.settings import Settings
from waiting_list.terminal import DataDir, app, run_with_pool, with_database


@app.command()
def create_key(
    organization: Annotated[str, typer.Argument(help="Whose key it is.")],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "command line",
    read_only: Annotated[bool, typer.Option("--read-only", help="It may only read.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Create an API key, and print it alone. It is not shown again."""
    if not 1 <= len(organization) <= 200 or not organization.isprintable():
        raise ValueError("An organization's id has 1 to 200 printable characters.")

    async def run(pool: Pool, _config: Settings) -> None:
        created, _ = await catalogue.create_api_key(pool, organization, name=name, read_only=read_only)
        print(created.key)

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)
