"""Define the commands for the members of organizations."""

from typing import Annotated

import typer

from waiting_list import page_addresses as to
from waiting_list.access.roles import Role
from waiting_list.cli.keys import check_organization
from waiting_list.cli.options import AsJson, DataDir, Organization
from waiting_list.cli.output import note_on_terminal, print_listing, printable

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="E-mail address of the member.")]
MEMBER_FIELDS = ("member_id", "role", "created_at", "joined_at", "seen_at", "email", "name")


def invite_member(
    organization: Organization,
    address: Address,
    name: Annotated[str, typer.Option(help="Name of the member, as the history shows it.")],
    role: Annotated[Role, typer.Option(help="Role of the member.")] = Role.OWNER,
    data_dir: DataDir = None,
) -> None:
    """Add a member to an organization, and print a link to sign in with. It works once, for seven days."""
    from waiting_list.access import member_links, members
    from waiting_list.access.signing_keys import SigningKeys
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    check_organization(organization)
    asked = members.Invited.of(email=address, name=name, role=role)

    async def run(pool: Pool, settings: Settings) -> None:
        member = await members.add_member(pool, organization, asked)
        secret = await SigningKeys(pool).derived_secret()
        token = await member_links.make_link(pool, secret, member, lifetime=member_links.INVITATION)
        print(settings.public_url + to.address(to.DASHBOARD_SIGN_IN_LINK, token=token))
        note_on_terminal("Send this link to the member alone: it works once, for seven days.")

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


def sign_in_link(organization: Organization, address: Address, data_dir: DataDir = None) -> None:
    """Print a link that signs a member in, also without a mail server. It works once, for half an hour."""
    from waiting_list.access import member_links, members
    from waiting_list.access.signing_keys import SigningKeys
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    async def run(pool: Pool, settings: Settings) -> None:
        found = await members.members(pool, organization)
        member = next((one for one in found if (one.email or "").lower() == address.strip().lower()), None)
        if member is None:
            raise ValueError(f"{printable(organization)} has no member with this address.")
        secret = await SigningKeys(pool).derived_secret()
        token = await member_links.make_link(pool, secret, member, lifetime=member_links.SIGN_IN)
        print(settings.public_url + to.address(to.DASHBOARD_SIGN_IN_LINK, token=token))
        note_on_terminal("Send this link to the member alone: it works once, for half an hour.")

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


def list_members(organization: Organization, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the members of an organization. Those who were removed are not among them."""
    from waiting_list.access import members
    from waiting_list.access.members import Member
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    async def run(pool: Pool, _: Settings) -> list[Member]:
        return list(await members.members(pool, organization))

    with with_database(data_dir) as settings:
        found = run_with_pool(settings, run)
    print_listing(
        found, MEMBER_FIELDS, as_json=as_json, empty=f"There are no members of {printable(organization)}."
    )
