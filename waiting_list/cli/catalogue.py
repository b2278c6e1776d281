"""Define the command `import`, which reads a catalogue from CSV files."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from waiting_list.catalogue import csv_import
from waiting_list.cli.context import DataDir, app, printable, run_with_pool, with_database
from waiting_list.postgres.pool import Pool
from waiting_list.settings import Settings

Encoding = Annotated[
    str | None,
    typer.Option(help="Encoding of the files, such as windows-1252. By default, the command finds it out."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check everything and print what would be done, but change no data.")
]


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with the four CSV files.")],
    shift_dates: Annotated[
        bool, typer.Option("--shift-dates", help="Move all dates by whole weeks, so that they lie after today.")
    ] = False,
    organization: Annotated[
        str | None, typer.Option(help="Import into this organization, and ignore the one in events.csv.")
    ] = None,
    encoding: Encoding = None,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
) -> None:
    """Import a catalogue from four CSV files.

    The files are events.csv, representations.csv, offers.csv and inventory.csv. An invalid row stops the whole
    import.
    """
    found = csv_import.read(folder, organization_id=organization, encoding=encoding)
    if shift_dates:
        found = csv_import.shifted(found, datetime.now(UTC).date())

    async def run(pool: Pool, config: Settings) -> None:
        done = await csv_import.load(pool, found, sends_mail=config.sends_mail, dry_run=dry_run)
        for note in found.notes:
            print(printable(note))
        verb = "would be made" if dry_run else "made"
        for name, objects in (
            ("events", found.events),
            ("representations", found.representations),
            ("offers", found.offers),
            ("inventory", found.inventory),
        ):
            print(f"{name}: {len(objects)} read, {done.made[name]} {verb}")
        if done.ready:
            print(f"fans who {'could' if dry_run else 'can'} buy now: {done.ready}")
            if not config.sends_mail:
                print("They get no e-mail, because this command has no mail settings.", file=sys.stderr)
        if dry_run:
            print("This was a dry run: no data was changed.")

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)
