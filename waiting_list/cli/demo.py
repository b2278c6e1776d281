"""Define the command `demo`, which loads a catalogue with fans in every state."""

from typing import Annotated

import typer

from waiting_list.cli.options import DataDir


def demo(
    url: Annotated[
        str | None,
        typer.Option(help="Address of the service, for the printed examples. By default its public address."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Load the demo, and print examples to try.

    The demo is a catalogue with a few dozen fans. The command is safe to repeat.
    """
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.demo.data import load_demo
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    async def run(pool: Pool, config: Settings) -> None:
        print(await load_demo(pool, config, url or config.public_url))

    with with_database(data_dir, schema="migrate", makes_folder=True) as settings:
        run_with_pool(settings, run)
