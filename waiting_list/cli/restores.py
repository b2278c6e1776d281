"""Define the command that declares a restore to an earlier instant in the ledgers."""

from pathlib import Path
from typing import Annotated

import typer

from waiting_list.cli.options import DataDir
from waiting_list.cli.output import counted

_MOST = 500


def declare_restore(
    why: Annotated[
        str,
        typer.Argument(metavar="WHY", help="What happened, in up to 500 characters. The ledger shows it."),
    ],
    kept: Annotated[
        list[Path] | None,
        typer.Option(
            help="A checkpoint from after the instant: only its list is meant. Repeat it for several. "
            "By default every list."
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Declare in the ledgers that their lists were restored to an earlier instant. Run it once, before you open.

    Outsiders who kept a later checkpoint find changes gone. The declaration tells them why, and signs it.
    """
    import uvloop  # noqa: F401 - the loop that run_with_pool uses

    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.ledger import restores
    from waiting_list.lists.engine import Engine
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    if not why.strip() or len(why) > _MOST:
        raise typer.BadParameter(f"WHY must have 1 to {_MOST} characters")
    notes = [file.read_text(encoding="utf-8") for file in kept or ()]

    async def run(pool: Pool, config: Settings) -> None:
        engine = Engine(pool, config)
        declared = 0
        if kept is None:
            async for key in restores.lists_of(pool):
                await restores.declare_restore(engine, key, why=why)
                declared += 1
        # All of them are checked first.
        found = [await restores.read_kept(pool, note) for note in notes]
        for key, lost in found:
            if await restores.has_all_of(pool, key, lost):
                print(f"{key.offer_id} at {key.representation_id} has all that this checkpoint covers.")
                continue
            await restores.declare_restore(engine, key, why=why, lost=lost)
            declared += 1
        print(f"The restore is declared in the ledger of {counted(declared, 'list')}.")

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)
