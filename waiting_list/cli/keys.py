"""Define the commands for API keys."""

import os
import shlex
import shutil
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from waiting_list.access.scopes import Scope
from waiting_list.cli.options import AsJson, DataDir, Organization
from waiting_list.cli.output import note_on_terminal, print_listing, printable

KeyId = Annotated[
    str, typer.Argument(metavar="KEY_ID", help="Id of the key: the part between `wl_` and the next `_`.")
]
KEY_FIELDS = ("key_id", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at", "name")


def create_key(
    organization: Organization,
    name: Annotated[str, typer.Option(help="Name of the key, to recognize it later.")] = "command line",
    scopes: Annotated[
        list[Scope] | None,
        typer.Option("--scope", help="Scope of the key. Repeat the option for several. By default all scopes."),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Give the key only the scope read.")] = False,
    expires_days: Annotated[
        float | None,
        typer.Option(min=0.001, max=36_500, help="Days until the key expires. By default it never expires."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Create an API key, and print only the key. It cannot be shown again."""
    from waiting_list.access import api_keys
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    check_organization(organization)
    if read_only and scopes:
        raise ValueError("Give either --read-only or --scope, not both.")

    async def run(pool: Pool, _config: Settings) -> None:
        created, _ = await api_keys.create_api_key(
            pool,
            organization,
            name=name,
            scopes=[Scope.READ] if read_only else scopes or [Scope.ADMIN],
            lifetime=timedelta(days=expires_days) if expires_days is not None else None,
        )
        print(created.key)
        note_on_terminal(f"Keep this key: it cannot be shown again. Its id is {created.key_id}.")

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


def list_keys(organization: Organization, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the API keys of an organization. Revoked keys are among them."""
    from waiting_list.access import api_keys
    from waiting_list.access.api_keys import KeyInfo
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    async def run(pool: Pool, _: Settings) -> list[KeyInfo]:
        found: list[KeyInfo] = []
        cursor = None
        while True:
            page = await api_keys.api_keys(pool, organization, limit=500, cursor=cursor)
            found += page.items
            if (cursor := page.next_cursor) is None:
                return found

    with with_database(data_dir) as settings:
        found = run_with_pool(settings, run)
    print_listing(found, KEY_FIELDS, as_json=as_json, empty=f"There are no API keys of {printable(organization)}.")


def rotate_key(
    organization: Organization,
    key_id: KeyId,
    overlap_hours: Annotated[
        float, typer.Option(min=0, max=90 * 24, help="Hours for which the old key stays valid.")
    ] = 24,
    data_dir: DataDir = None,
) -> None:
    """Replace an API key by a new one.

    The new key has the same name and scopes, and the command prints only that key. The old key expires.
    """
    from waiting_list.access import api_keys
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    async def run(pool: Pool, _config: Settings) -> None:
        overlap = timedelta(hours=overlap_hours)
        created, _ = await api_keys.rotate_api_key(pool, organization, key_id, overlap=overlap)
        print(created.key)
        note_on_terminal(
            f"Keep this key: it cannot be shown again. The old key works for {overlap_hours:g} hours at most."
        )

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


def revoke_key(organization: Organization, key_id: KeyId, data_dir: DataDir = None) -> None:
    """Revoke an API key. The next request with it is refused."""
    from waiting_list.access import api_keys
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    async def run(pool: Pool, _: Settings) -> None:
        revoked = await api_keys.revoke_api_key(pool, organization, key_id)
        print(f"Revoked the key {revoked.key_id} ({printable(revoked.name)}).")

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


def rotate_ledger_key(data_dir: DataDir = None) -> None:
    """Replace the key that signs the ledgers. Its public part stays published, so that old checkpoints verify."""
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.ledger.checkpoints import rotate_key
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    async def run(pool: Pool, _: Settings) -> None:
        print(f"The key {await rotate_key(pool)} signs the ledgers from now on.")

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


def how_to_make_a_key(data_dir: Path | None) -> str:
    """Say how the operator makes a key in the embedded PostgreSQL of a data folder, or without one in the database
    of DATABASE_URL."""
    command = f"{_program()} create-key my-organization"
    if data_dir is None:
        return f"Make one with the same DATABASE_URL: {command}"
    return f"Make one in another terminal: {command} --data-dir {shlex.quote(str(data_dir))}"


def _program() -> str:
    """Return what to type for this program in another terminal, in the same folder."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m waiting_list"
    # An environment that is active in this terminal is not active in another one.
    if "VIRTUAL_ENV" not in os.environ and shutil.which(started.name) == str(started):
        return started.name
    below = started.is_absolute() and started.is_relative_to(Path.cwd())
    return shlex.quote(str(started.relative_to(Path.cwd()) if below else started))


def check_organization(organization: str) -> None:
    """Check the id of an organization. Raises ValueError."""
    if not 1 <= len(organization) <= 200 or not organization.isprintable():
        raise ValueError("An organization's id has 1 to 200 printable characters.")
