"""Define the command `import`, which reads a catalogue from CSV files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from waiting_list.cli.options import DataDir
from waiting_list.cli.output import note, printable

Encoding = Annotated[
    str | None,
    typer.Option(help="Encoding of the files, such as windows-1252. By default, the command finds it out."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check everything and print what would be done, but change no data.")
]


def import_catalogue(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with the four CSV files.")],
    shift_dates: Annotated[
        bool, typer.Option("--shift-dates", help="Move all dates by whole weeks, so that they lie after today.")
    ] = False,
    organization: Annotated[
        str | None, typer.Option(help="Import into this organization. By default into the one in events.csv.")
    ] = None,
    encoding: Encoding = None,
    keep_stock: Annotated[
        bool, typer.Option("--keep-stock", help="Keep the stock of existing inventories. New ones get the file's.")
    ] = False,
    dry_run: DryRun = False,
    end_lists: Annotated[
        bool,
        typer.Option(
            "--end-lists", help="Allow dates in the past to end lists in which fans wait or hold tickets."
        ),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Import a catalogue from four CSV files.

    The files are events.csv, representations.csv, offers.csv and inventory.csv. An invalid row stops the whole
    import.
    """
    from waiting_list.catalogue import csv_import
    from waiting_list.catalogue.shift import shifted
    from waiting_list.cli.context import configured, run_with_pool, with_database
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    configured()  # a wrong setting is told before wrong rows, as by all commands
    found = csv_import.read(folder, organization_id=organization, encoding=encoding)
    if shift_dates:
        found = shifted(found, datetime.now(UTC).date())

    async def run(pool: Pool, config: Settings) -> None:
        done = await csv_import.load(pool, found, dry_run=dry_run, keep_stock=keep_stock, end_lists=end_lists)
        for line in found.notes:
            print(printable(line))
        would_be = "would be " if dry_run else ""
        for name, objects in (
            ("events", found.events),
            ("representations", found.representations),
            ("offers", found.offers),
            ("inventory", found.inventory),
        ):
            made, changed = f"{done.made[name]} {would_be}made", f"{done.changed[name]} {would_be}changed"
            print(f"{name}: {len(objects)} read, {made}, {changed}")
        if done.ready:
            print(f"fans who {'could' if dry_run else 'can'} buy now: {done.ready}")
            if not (done.mails or config.sends_mail):
                note("Their e-mails wait, because no worker with mail settings has run yet.")
        if dry_run:
            print("This was a dry run: no data was changed.")

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)
