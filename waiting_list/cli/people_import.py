"""Define the command `import-people`, which joins the people of another system's waiting list."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from waiting_list.cli.catalogue import DryRun, Encoding
from waiting_list.cli.options import DataDir
from waiting_list.cli.output import counted, printable
from waiting_list.people_import.choices import FIELDS, Assigned, InvalidAddresses, Repeats

if TYPE_CHECKING:
    from waiting_list.people_import.join import Joined, Mode
    from waiting_list.people_import.read import People


def import_people(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV file with a row for each person.")],
    offer: Annotated[
        str | None, typer.Option(help="Id of the offer whose list the people join. By default the file names it.")
    ] = None,
    representation: Annotated[
        str | None,
        typer.Option(help="Id of the representation whose list the people join. By default the file names it."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=COLUMN",
            help="Take a field from this column, such as email=E-Mail. By default from columns with usual names."
            f" The fields are {', '.join(FIELDS)}.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VALUE",
            help="Take only rows of this event or product, or with this value, as COLUMN=VALUE."
            " By default all rows.",
        ),
    ] = None,
    repeats: Annotated[
        Repeats,
        typer.Option(
            help="What to do with a person in several rows: refuse the file, take the first row, or add tickets."
        ),
    ] = Repeats.REFUSE,
    invalid_addresses: Annotated[
        InvalidAddresses,
        typer.Option(
            help="What to do with people without a valid address: refuse the file, skip them, or drop the address."
        ),
    ] = InvalidAddresses.REFUSE,
    assigned: Annotated[
        Assigned, typer.Option(help="What to do with fans of pretix who have a valid voucher.")
    ] = Assigned.SKIP,
    verified: Annotated[
        bool, typer.Option("--verified", help="The other system has verified the addresses.")
    ] = False,
    send_mail: Annotated[
        bool, typer.Option("--send-mail", help="Send each person the e-mail that they joined, with a link.")
    ] = False,
    encoding: Encoding = None,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
) -> None:
    """Import the waiting list of another system.

    The people join in the order of their dates of joining. The command checks every row before it changes data. It
    is safe to repeat, because it skips people who are or were in the list. It knows the columns of pretix.
    """
    from waiting_list.cli.context import configured, run_with_pool, with_database
    from waiting_list.email_addresses import LOCAL_DOMAINS
    from waiting_list.people_import.columns import check_mapping
    from waiting_list.people_import.join import Mode, join_people
    from waiting_list.people_import.read import Options, read_people
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    options = Options(
        columns=check_mapping(column or ()),
        only=only or (),
        offer_id=offer,
        representation_id=representation,
        assigned=assigned,
        repeated=repeats,
        addresses=invalid_addresses,
        encoding=encoding,
    )
    LOCAL_DOMAINS.set(configured().local_domains)
    found = read_people(file, options)

    async def run(pool: Pool, config: Settings) -> None:
        mode = Mode(dry_run=dry_run, announces=send_mail, verified=verified, sends_mail=config.sends_mail)
        done = await join_people(pool, found, mode)
        _print(found)
        for key, joined in done.items():
            _print_list("/".join(key), joined, mode)
        if dry_run:
            print("This was a dry run: no data was changed.")

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


def _print(found: "People") -> None:
    for note in found.notes:
        print(printable(note))
    print(printable(f"{found.file}: {counted(found.rows, 'row')}, ordered by {found.order}"))
    for why, count in sorted(found.skipped.items()):
        print(printable(f"skipped: {count} {why}"))


def _print_list(name: str, done: "Joined", mode: "Mode") -> None:
    would = "would have joined" if mode.dry_run else "joined"
    print(printable(f"{name}: {done.joined} {would}, {done.present} there already, {done.left} left before"))
    if done.ready:
        with_mail, without = "an e-mail if they have an address", "one once a worker with mail settings runs"
        print(f"{done.ready} of them can buy now, and get {with_mail if done.mails else without}")
    if mode.announces:
        print(f"e-mails that they joined: {done.letters}")
