"""Members of organizations: who can be added, changed and removed."""

import asyncio
from datetime import timedelta

import pytest

from tests.support.lists import ORGANIZATION
from tests.support.until import until
from waiting_list.access import members
from waiting_list.access.dashboard_sessions import (
    MEMBER_SESSION,
    end_sessions,
    insert_session,
    organizer_of,
    sessions,
)
from waiting_list.access.members import Invited, Member
from waiting_list.access.roles import SCOPES, Role
from waiting_list.access.scopes import Scope
from waiting_list.postgres.pool import Pool, connection, transaction
from waiting_list.postgres.statements import sql
from waiting_list.problems import InvalidRequest, NotFound

SESSION = timedelta(hours=1)


async def added(pool: Pool, role: Role, name: str, *, joined: bool = True, org: str = ORGANIZATION) -> Member:
    asked = Invited.of(email=f"{name.lower()}@quay.example", name=name, role=role)
    one = await members.add_member(pool, org, asked)
    if joined:
        await session(pool, one)
    return one


async def session(pool: Pool, one: Member) -> str:
    async with connection(pool) as acquired:
        return await insert_session(acquired, MEMBER_SESSION, member_id=one.member_id, browser="Firefox")


async def test_an_address_is_one_member_of_an_organization_whatever_its_capitals(pool: Pool) -> None:
    await added(pool, Role.VIEWER, "Ada")
    for name in ("Ada", "ADA"):
        with pytest.raises(InvalidRequest, match="belongs to a member"):
            await added(pool, Role.OWNER, name)
    await added(pool, Role.VIEWER, "Ada", org="org_2")
    again = await asyncio.gather(*(added(pool, Role.VIEWER, "Bob") for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, Member) for one in again) == 1


async def test_the_last_owner_who_has_signed_in_stays(pool: Pool) -> None:
    ada = await added(pool, Role.OWNER, "Ada")
    await added(pool, Role.OWNER, "Ida", joined=False)
    for call in (
        members.remove_member(pool, ORGANIZATION, ada.member_id),
        members.change_member(pool, ORGANIZATION, ada.member_id, role=Role.MANAGER),
    ):
        with pytest.raises(InvalidRequest, match="last owner"):
            await call
    await added(pool, Role.OWNER, "Bob")
    await members.remove_member(pool, ORGANIZATION, ada.member_id)
    assert [one.name for one in await members.members(pool, ORGANIZATION)] == ["Ida", "Bob"]


async def test_of_two_owners_who_leave_at_once_one_stays(pool: Pool) -> None:
    ada, bob = [await added(pool, Role.OWNER, name) for name in ("Ada", "Bob")]

    async def is_waiting() -> bool:
        async with connection(pool) as acquired:
            waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock')"
            return bool(await acquired.fetchval(waiting))

    async with transaction(pool) as acquired:
        await acquired.execute(sql("lock_organization"), ORGANIZATION)
        await acquired.execute(sql("remove_member"), ORGANIZATION, ada.member_id)
        leaves = asyncio.create_task(members.remove_member(pool, ORGANIZATION, bob.member_id))
        await until(is_waiting)
    with pytest.raises(InvalidRequest, match="last owner"):
        await leaves


async def test_a_session_that_began_beside_the_removal_of_its_member_opens_nothing(pool: Pool) -> None:
    await added(pool, Role.OWNER, "Ada")
    bob = await added(pool, Role.VIEWER, "Bob")
    await members.remove_member(pool, ORGANIZATION, bob.member_id)
    assert await organizer_of(pool, await session(pool, bob)) is None


async def test_a_member_of_another_organization_is_as_if_absent(pool: Pool) -> None:
    ada = await added(pool, Role.VIEWER, "Ada", org="org_2")
    with pytest.raises(NotFound):
        await members.change_member(pool, ORGANIZATION, ada.member_id, name="Eve")
    with pytest.raises(NotFound):
        await members.remove_member(pool, ORGANIZATION, ada.member_id)
    (theirs,) = await sessions(pool, "org_2", member_id=None)
    assert await sessions(pool, ORGANIZATION, member_id=None) == []
    with pytest.raises(NotFound):
        await end_sessions(pool, ORGANIZATION, member_id=None, session_id=theirs.session_id)
    assert len(await sessions(pool, "org_2", member_id=None)) == 1


async def test_a_session_has_the_scopes_of_its_role_and_says_when_it_was_used(pool: Pool) -> None:
    for role in Role:
        token = await session(pool, await added(pool, role, role.title(), joined=False))
        who = await organizer_of(pool, token)
        assert who is not None
        assert (who.role, tuple(who.scopes), who.key_id) == (role, SCOPES[role], None)
        assert who.actor == f"member:{who.member_id}"
    async with connection(pool) as acquired:
        await acquired.execute("UPDATE sessions SET seen_at = now() - interval '2 hours'")
        await acquired.execute("UPDATE members SET seen_at = now() - interval '2 hours'")
    await organizer_of(pool, token)
    seen = {one.role: one.seen_at for one in await members.members(pool, ORGANIZATION)}
    assert seen[Role.VIEWER] == max(one for one in seen.values() if one)
    assert (await sessions(pool, ORGANIZATION, member_id=None))[0].name == "Viewer"


async def test_sessions_end_one_by_one_or_all_but_ones_own(pool: Pool) -> None:
    ada, bob = await added(pool, Role.OWNER, "Ada"), await added(pool, Role.VIEWER, "Bob")
    here, there = await session(pool, ada), await session(pool, ada)
    first = (await sessions(pool, ORGANIZATION, member_id=bob.member_id))[0]
    with pytest.raises(NotFound):
        await end_sessions(pool, ORGANIZATION, member_id=ada.member_id, session_id=first.session_id)
    assert await end_sessions(pool, ORGANIZATION, member_id=None, session_id=first.session_id) == 1
    assert await end_sessions(pool, ORGANIZATION, member_id=ada.member_id, but=here) == 2
    assert await organizer_of(pool, there) is None
    assert await organizer_of(pool, here) is not None


async def test_the_name_of_a_removed_member_is_forgotten_after_a_year(pool: Pool) -> None:
    await added(pool, Role.OWNER, "Ada")
    bob = await added(pool, Role.VIEWER, "Bob")
    await members.remove_member(pool, ORGANIZATION, bob.member_id)
    async with connection(pool) as acquired:
        for days, name in ((364, "Bob"), (366, None)):
            await acquired.execute(
                "UPDATE members SET removed_at = now() - $1::interval WHERE member_id = $2",
                timedelta(days=days),
                bob.member_id,
            )
            await acquired.execute(sql("forget_members"), members.NAMES_KEPT)
            assert await acquired.fetchval("SELECT name FROM members WHERE member_id = $1", bob.member_id) == name
        assert await acquired.fetchval("SELECT count(*) FROM members WHERE name IS NULL") == 1


def test_a_role_has_what_the_roles_below_it_have() -> None:
    assert SCOPES[Role.OWNER] == (Scope.ADMIN,)
    assert {*SCOPES[Role.VIEWER]} < {*SCOPES[Role.BOX_OFFICE]} < {*SCOPES[Role.MANAGER]}
    assert Scope.ADMIN not in SCOPES[Role.MANAGER]
