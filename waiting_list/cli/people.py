"""Define the commands for a person's data. They need no API key."""

import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from waiting_list.cli.options import AsJson, DataDir, Organization
from waiting_list.cli.output import counted, fail, print_listing, printable

UserId = Annotated[str, typer.Argument(metavar="USER", help="Id of the user in this organization.")]


@dataclass(frozen=True)
class FoundUser:
    """A user whom `find-user` found."""

    user_id: str


def find_user(
    organization: Organization,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="E-mail address to search for.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Find the users of an e-mail address.

    The command prints the ids of users who gave this address as contact, or can sign in with it.
    """
    from waiting_list.access.signing_keys import SigningKeys
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.personal_data import export_and_erase
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    async def run(pool: Pool, _: Settings) -> list[str]:
        return await export_and_erase.users_of(pool, SigningKeys(pool), organization, address)

    with with_database(data_dir) as settings:
        found = run_with_pool(settings, run)
    users = [FoundUser(user_id) for user_id in found]
    print_listing(users, ("user_id",), as_json=as_json, empty="There are no users with this address.")


def export_user(organization: Organization, user_id: UserId, data_dir: DataDir = None) -> None:
    """Print all data about a person, as JSON.

    The command takes no locks.
    """
    from waiting_list.access.signing_keys import SigningKeys
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.personal_data import export_and_erase
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    async def run(pool: Pool, _: Settings) -> None:
        export = await export_and_erase.export_user(pool, SigningKeys(pool), user_id, organization_id=organization)
        print(export.model_dump_json(indent=2))

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


def erase_user(
    organization: Organization,
    user_id: UserId,
    yes: Annotated[bool, typer.Option("--yes", help="Ask no question on a terminal.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Erase a person. The person leaves every list, and the history keeps only numbers. Safe to repeat."""
    if sys.stdin.isatty() and not yes:
        question = f"Erase the user {printable(user_id)} of {printable(organization)}? The data cannot come back."
        print(f"{question} [y/N]: ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            fail("The person was not erased.")
    from waiting_list.access.sign_outs import SignOuts
    from waiting_list.access.signing_keys import SigningKeys
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.lists.engine import Caller, Engine
    from waiting_list.lists.models import CLOCK
    from waiting_list.personal_data import export_and_erase
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    async def run(pool: Pool, config: Settings) -> None:
        engine, caller = Engine(pool, config), Caller(organization, CLOCK)
        erased = await export_and_erase.erase_user(
            pool, engine, SigningKeys(pool), SignOuts(pool, config), caller, user_id
        )
        print(f"The person was erased from {counted(erased.waiting_lists, 'waiting list')}.")

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)
