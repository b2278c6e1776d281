"""API keys, from the command line."""

from datetime import timedelta
from typing import Annotated

import typer

from waiting_list import api_keys
from waiting_list.api_keys import KeyInfo
from waiting_list.database import Pool
from waiting_list.keys import Scope
from waiting_list.settings import Settings
from waiting_list.terminal import DataDir, app, printable, run_with_pool, with_database

Organization = Annotated[str, typer.Argument(help="Whose key it is.")]
KeyId = Annotated[str, typer.Argument(help="Its id: what stands between `wl_` and the next `_`.")]


@app.command()
def create_key(
    organization: Organization,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "command line",
    scopes: Annotated[
        list[Scope] | None, typer.Option("--scope", help="What it may do, once for each; all unless given.")
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Short for --scope read.")] = False,
    expires_days: Annotated[
        float | None, typer.Option(min=0.001, max=36_500, help="Expires after so many days; never unless given.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Create an API key, and print it alone. It is not shown again."""
    _check(organization)
    if read_only and scopes:
        raise ValueError("Give --read-only, or --scope.")

    async def run(pool: Pool, _config: Settings) -> None:
        created, _ = await api_keys.create_api_key(
            pool,
            organization,
            name=name,
            scopes=[Scope.READ] if read_only else scopes or [Scope.ADMIN],
            lifetime=timedelta(days=expires_days) if expires_days is not None else None,
        )
        print(created.key)

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


@app.command()
def list_keys(organization: Organization, data_dir: DataDir = None) -> None:
    """List an organization's API keys: id, scopes, made, expires, last used, revoked, name."""

    async def run(pool: Pool, _: Settings) -> None:
        cursor = None
        while True:
            found = await api_keys.api_keys(pool, organization, limit=500, cursor=cursor)
            for key in found.items:
                print(_line(key))
            if (cursor := found.next_cursor) is None:
                return

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


@app.command()
def rotate_key(
    organization: Organization,
    key_id: KeyId,
    overlap_hours: Annotated[
        float, typer.Option(min=0, max=90 * 24, help="How long the key that it replaces stays good.")
    ] = 24,
    data_dir: DataDir = None,
) -> None:
    """Create an API key that may do what another may, and print it alone; the other one expires."""

    async def run(pool: Pool, _config: Settings) -> None:
        overlap = timedelta(hours=overlap_hours)
        created, _ = await api_keys.rotate_api_key(pool, organization, key_id, overlap=overlap)
        print(created.key)

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


@app.command()
def revoke_key(organization: Organization, key_id: KeyId, data_dir: DataDir = None) -> None:
    """Revoke an API key, from the next request on."""

    async def run(pool: Pool, _: Settings) -> None:
        print(_line(await api_keys.revoke_api_key(pool, organization, key_id)))

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


def _check(organization: str) -> None:
    if not 1 <= len(organization) <= 200 or not organization.isprintable():
        raise ValueError("An organization's id has 1 to 200 printable characters.")


def _line(key: KeyInfo) -> str:
    instants = (key.created_at, key.expires_at, key.last_used_at, key.revoked_at)
    shown = (one.isoformat(timespec="seconds") if one else "-" for one in instants)
    return printable("  ".join((key.key_id, ",".join(key.scopes), *shown, key.name)))
