"""Define the command that gives holds more time after an outage of the shop."""

from datetime import datetime
from typing import Annotated

import typer

from waiting_list.cli.options import DataDir
from waiting_list.cli.output import counted, print_table


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise typer.BadParameter("must be a date and time with offset, such as 2030-01-31T20:00:00+01:00")
    return instant


def extend_holds(
    since: Annotated[
        datetime, typer.Option(parser=_instant, metavar="INSTANT", help="Start of the outage, with offset.")
    ],
    until: Annotated[
        datetime, typer.Option(parser=_instant, metavar="INSTANT", help="End of the outage, with offset.")
    ],
    organization: Annotated[
        str | None, typer.Option(metavar="ORGANIZATION", help="Only lists of this organization. By default all.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done, but change no data and notify no fan.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Give every hold the length of an outage of the shop more time. Safe to repeat with the same instants.

    A hold counts if it began before the end of the outage and has not expired yet. No deadline is later than the
    end of the list. The fans are notified, and the history names the outage. The command also counts the holds
    that expired in the outage: grant those fans tickets again.
    """
    import uvloop  # noqa: F401 - the loop that run_with_pool uses

    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.lists import verbs
    from waiting_list.lists.engine import Caller, Engine
    from waiting_list.lists.models import CLOCK
    from waiting_list.lists.queries.holds import lists_with_holds
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    async def run(pool: Pool, config: Settings) -> None:
        engine = Engine(pool, config).preview if dry_run else Engine(pool, config)
        rows, extended, expired = [], 0, 0
        for found in await lists_with_holds(pool, organization, since=since, until=until):
            caller = Caller(found.organization_id, CLOCK)
            answer = await engine.run(found.key, caller, verbs.extend_outage, since=since, until=until)
            numbers = answer.several.numbers if answer.several else ()
            extended, expired = extended + len(numbers), expired + found.expired
            rows.append([*found.key, str(len(numbers)), str(found.expired)])
        if rows:
            print_table(("offer", "representation", "extended", "expired"), rows)
        done = "would be extended" if dry_run else "extended"
        print(f"{counted(extended, 'hold')} {done}; {counted(expired, 'hold')} expired in the outage.")

    if since >= until:
        raise typer.BadParameter("--until must be after --since")
    with with_database(data_dir) as settings:
        run_with_pool(settings, run)
