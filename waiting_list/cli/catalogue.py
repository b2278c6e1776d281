"""Define the command `import`, which reads a catalogue from CSV files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from waiting_list.cli.options import DataDir


def import_catalogue(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with the four CSV files.")],
    shift_dates: Annotated[
        bool, typer.Option("--shift-dates", help="Move all dates by whole weeks, so that they lie after today.")
    ] = False,
    organization: Annotated[
        str | None, typer.Option(help="Import into this organization. By default into the one in events.csv.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Import a catalogue from four CSV files.

    The files are events.csv, representations.csv, offers.csv and inventory.csv. An invalid row stops the whole
    import.
    """
    from waiting_list.catalogue import csv_import
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    found = csv_import.read(folder, organization_id=organization)
    if shift_dates:
        found = csv_import.shifted(found, datetime.now(UTC).date())

    async def run(pool: Pool, config: Settings) -> None:
        made = await csv_import.load(pool, found, sends_mail=config.sends_mail)
        for name, objects in (
            ("events", found.events),
            ("representations", found.representations),
            ("offers", found.offers),
            ("inventory", found.inventory),
        ):
            print(f"{name}: {len(objects)} read, {made[name]} made")

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)
