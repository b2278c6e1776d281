"""Define the command `audit`, which compares lists with their history."""

from typing import Annotated

import typer

from waiting_list.cli.options import DataDir
from waiting_list.cli.output import counted, show_progress


def audit(
    offer_id: Annotated[
        str | None,
        typer.Argument(metavar="OFFER", help="Audit only one list: the id of its offer. By default all lists."),
    ] = None,
    representation_id: Annotated[
        str | None, typer.Argument(metavar="REPRESENTATION", help="Id of the representation of that list.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for each list.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Compare each list with its history.

    The command replays the history, compares the result with the tables, and prints the first difference of each
    list. It takes no locks. The metrics show the result of the last audit of all lists.
    """
    from waiting_list.audit.run import DeletedLists, Step, audit_lists, deleted_lists, remember_audit
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.lists.models import ListKey
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    if (offer_id is None) != (representation_id is None):
        raise ValueError("Give both the offer and the representation of a list, or neither.")
    only = ListKey(offer_id, representation_id) if offer_id and representation_id else None
    differences = lists = 0
    gone = DeletedLists(0, 0, 0)

    def progress(step: Step) -> None:
        key = step.key
        show_progress(
            f"List {step.position} of {step.lists}, {key.offer_id} at {key.representation_id}: "
            f"{step.percent} % of {counted(step.changes, 'change')}"
        )

    async def run(pool: Pool, _: Settings) -> None:
        nonlocal differences, lists, gone
        async for report in audit_lists(pool, only=only, progress=progress):
            lists += 1
            differences += report.finding is not None
            if as_json:
                show_progress("")
                print(report.model_dump_json())
            elif report.finding:
                show_progress("")
                print(f"{report.offer_id} at {report.representation_id}: {report.finding.sentence}")
        show_progress("")
        if only is None:
            gone = await deleted_lists(pool)
            await remember_audit(pool, lists=lists, differences=differences)

    with with_database(data_dir, code_without_folder=2) as settings:
        run_with_pool(settings, run)
    if not as_json:
        print(f"{counted(lists, 'list')}, {differences} with a difference")
        if gone.lists:
            entries = "1 entry" if gone.entries == 1 else f"{gone.entries} entries"
            had = f"{counted(gone.changes, 'change')} and {entries}"
            print(f"{counted(gone.lists, 'list')} deleted with entries, which had {had}")
    if differences:
        raise typer.Exit(1)
