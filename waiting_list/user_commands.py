"""A person's data, from the command line: for whoever runs the service, who has no organizer's key."""

from typing import Annotated

import typer

from waiting_list import users
from waiting_list.database import Pool
from waiting_list.engine import Caller, Engine
from waiting_list.models import CLOCK
from waiting_list.settings import Settings
from waiting_list.sign_outs import SignOuts
from waiting_list.signing_keys import SigningKeys
from waiting_list.terminal import DataDir, app, printable, run_with_pool, with_database

Organization = Annotated[str, typer.Argument(help="Whose user it is.")]
UserId = Annotated[str, typer.Argument(metavar="USER", help="The user's id there.")]


@app.command()
def find_user(
    organization: Organization,
    address: Annotated[str, typer.Argument(help="An e-mail address.")],
    data_dir: DataDir = None,
) -> None:
    """Print the ids of users who may have this address: who has given it, and who signs in with it."""

    async def run(pool: Pool, _: Settings) -> None:
        for user_id in await users.users_of(pool, SigningKeys(pool), organization, address):
            print(printable(user_id))

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


@app.command()
def export_user(organization: Organization, user_id: UserId, data_dir: DataDir = None) -> None:
    """Print all that is kept of a person, as JSON. Locks nothing."""

    async def run(pool: Pool, _: Settings) -> None:
        export = await users.export_user(pool, SigningKeys(pool), user_id, organization_id=organization)
        print(export.model_dump_json(indent=2))

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


@app.command()
def erase_user(organization: Organization, user_id: UserId, data_dir: DataDir = None) -> None:
    """Forget a person: they leave every list, and the history keeps numbers only. Safe to repeat."""

    async def run(pool: Pool, config: Settings) -> None:
        engine, caller = Engine(pool, config), Caller(organization, CLOCK)
        erased = await users.erase_user(pool, engine, SigningKeys(pool), SignOuts(pool, config), caller, user_id)
        print(f"Forgotten in {erased.waiting_lists} waiting lists.")

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)
