"""Read and change the members of organizations: people who sign in to the dashboard, each with a role.

A removed member cannot sign in, and all of their sessions end at once. The service forgets their address then and
their name a year later, so that the history can name who acted until then. This module knows no HTTP.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from waiting_list.access.roles import Role
from waiting_list.fields import Email, Frozen, PlainLine
from waiting_list.postgres.pool import Connection, Pool, connection, transaction
from waiting_list.postgres.statements import sql
from waiting_list.problems import InvalidRequest, NotFound

NAMES_KEPT = timedelta(days=365)
"""How long the service keeps the name of a removed member."""
MOST_MEMBERS = 200
"""The most members of an organization."""
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_NAME: TypeAdapter[str] = TypeAdapter(PlainLine)
_LONGEST_NAME = 100


class Member(Frozen):
    """A person who signs in to the dashboard of an organization.

    `joined_at` is the first sign-in; None: invited. `seen_at` is accurate to the minute. A removed member has no
    address, and after a year no name.
    """

    member_id: str
    organization_id: str
    email: str | None
    name: str | None
    role: Role
    created_at: datetime
    joined_at: datetime | None
    seen_at: datetime | None
    removed_at: datetime | None


class Invited(Frozen):
    """What makes a member: the address, the name and the role, all checked."""

    email: str
    name: str
    role: Role

    @classmethod
    def of(cls, *, email: str, name: str, role: str) -> "Invited":
        """Check the values. Raises InvalidRequest with every wrong field."""
        errors: dict[str, str] = {}
        email, name = email.strip(), name.strip()
        try:
            email = _EMAIL.validate_python(email)
        except ValidationError:
            errors["email"] = "must be an e-mail address, such as ada@example.org"
        if message := wrong_name(name):
            errors["name"] = message
        if role not in [*Role]:
            errors["role"] = "must be a role"
        if errors:
            raise InvalidRequest.of_several(errors)
        return cls(email=email, name=name, role=Role(role))


def wrong_name(name: str) -> str | None:
    """Return what is wrong with the name of a member, or of something of theirs; None if it is right."""
    try:
        _NAME.validate_python(name)
    except ValidationError:
        return "must be a name, on one line"
    return f"must have {_LONGEST_NAME} characters at most" if len(name) > _LONGEST_NAME else None


async def has_organizer(pool: Pool) -> bool:
    """Return whether anybody could ever sign in: any API key or member, also a former one. Raises Unavailable."""
    async with connection(pool) as acquired:
        return bool(await acquired.fetchval(sql("read_has_organizer")))


async def actor_names(pool: Pool, organization_id: str, actors: Iterable[str]) -> dict[str, str | None]:
    """Return the names of the members and API keys among the actors of a history, also of former ones.

    The name is None if it was forgotten. Other actors are left out. Raises Unavailable.
    """
    ids: dict[str, set[str]] = {"member": set(), "organizer": set()}
    for actor in actors:
        kind, _, named = actor.partition(":")
        if kind in ids:
            ids[kind].add(named)
    if not any(ids.values()):
        return {}
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_actor_names"), organization_id, *map(list, ids.values()))
    return {one["actor"]: one["name"] for one in records}


async def members(pool: Pool, organization_id: str) -> Sequence[Member]:
    """Return the present members of an organization, the oldest first. Raises Unavailable."""
    async with connection(pool) as acquired:
        return await _members(acquired, organization_id)


async def add_member(pool: Pool, organization_id: str, asked: Invited) -> Member:
    """Add a member who has yet to sign in. Raises InvalidRequest for a known address, Unavailable."""
    async with transaction(pool) as acquired:
        await acquired.execute(sql("lock_organization"), organization_id)
        known = await _members(acquired, organization_id)
        if len(known) >= MOST_MEMBERS:
            raise InvalidRequest.of("email", f"the organization has {MOST_MEMBERS} members already")
        return await insert_member(acquired, organization_id, asked)


async def insert_member(acquired: Connection, organization_id: str, asked: Invited) -> Member:
    """Add a member in a transaction. Raises InvalidRequest if the organization has one with this address."""
    if any(one["organization_id"] == organization_id for one in await of_address(acquired, asked.email)):
        raise InvalidRequest.of("email", "belongs to a member already")
    record = await acquired.fetchrow(
        sql("insert_member"), secrets.token_hex(6), organization_id, asked.email, asked.name, asked.role
    )
    assert record is not None
    return Member.from_record(record)


async def of_address(
    acquired: Connection, email: str, member_id: str | None = None
) -> Sequence[Mapping[str, object]]:
    """Return the members with an address in all organizations, or the one of this id."""
    return [dict(one) for one in await acquired.fetch(sql("read_members_of_address"), email, member_id)]


async def change_member(
    pool: Pool, organization_id: str, member_id: str, *, name: str | None = None, role: Role | None = None
) -> Member:
    """Change the name or the role of a member. It holds for the member's next request.

    Raises NotFound; InvalidRequest for a wrong name, and for another role of the last owner; Unavailable.
    """
    if name is not None and (message := wrong_name(name := name.strip())):
        raise InvalidRequest.of("name", message)
    async with transaction(pool) as acquired:
        known = await _locked(acquired, organization_id, member_id)
        if role is not None and role is not Role.OWNER:
            await _keep_an_owner(acquired, known)
        name, role = known.name if name is None else name, role or known.role
        await acquired.execute(sql("change_member"), organization_id, member_id, name, role)
        return known.model_copy(update={"name": name, "role": role})


async def remove_member(pool: Pool, organization_id: str, member_id: str) -> Member:
    """Remove a member with their passkeys, end all of their sessions, and forget the address.

    Raises NotFound; InvalidRequest for the last owner; Unavailable.
    """
    async with transaction(pool) as acquired:
        known = await _locked(acquired, organization_id, member_id)
        await _keep_an_owner(acquired, known)
        await acquired.execute(sql("remove_member"), organization_id, member_id)
        await acquired.execute(sql("delete_member_links"), member_id)
        await acquired.execute(sql("delete_passkeys"), member_id, None)
        await acquired.execute(sql("delete_sessions_of_member"), member_id)
    return known


async def _members(acquired: Connection, organization_id: str) -> list[Member]:
    return [Member.from_record(one) for one in await acquired.fetch(sql("read_members"), organization_id)]


async def _locked(acquired: Connection, organization_id: str, member_id: str) -> Member:
    await acquired.execute(sql("lock_organization"), organization_id)
    found = [one for one in await _members(acquired, organization_id) if one.member_id == member_id]
    if not found:
        raise NotFound("There is no such member.")
    return found[0]


async def _keep_an_owner(acquired: Connection, leaves: Member) -> None:
    """Raise InvalidRequest if no owner would be left who has ever signed in."""
    if leaves.role is Role.OWNER and leaves.joined_at is not None:
        others: Iterable[Member] = await _members(acquired, leaves.organization_id)
        if not any(
            one.role is Role.OWNER and one.joined_at and one.member_id != leaves.member_id for one in others
        ):
            raise InvalidRequest.of("role", "is the last owner: make another member an owner first")
