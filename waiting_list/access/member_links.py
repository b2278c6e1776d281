"""Make and use the links that sign members in. Each works once. This module knows no HTTP.

The token follows from the deployment's secret and the id of the link. So the database holds none, and the worker
can write it into an e-mail.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from waiting_list.access.dashboard_sessions import MEMBER_SESSION, insert_session
from waiting_list.access.members import Member, of_address
from waiting_list.fields import Locale
from waiting_list.i18n import known
from waiting_list.key_material import derived
from waiting_list.lists.models import organization_list_id
from waiting_list.page_addresses import DASHBOARD
from waiting_list.postgres.pool import Connection, Pool, Record, connection, transaction
from waiting_list.postgres.statements import sql

SIGN_IN = timedelta(minutes=30)
"""How long a link is valid that a member asked for, or that the operator made."""
INVITATION = timedelta(days=7)
"""How long an invitation is valid."""


def link_token(secret: bytes, link_id: UUID) -> str:
    """Derive the token of a link from the deployment's `derived` secret: 46 characters, safe in a URL."""
    return (
        base64.urlsafe_b64encode(link_id.bytes + derived(secret, "member-link", link_id)[:18]).decode().rstrip("=")
    )


class MemberLink(NamedTuple):
    """A link, and the members whom it can sign in: several if the address is known to several organizations."""

    link_id: UUID
    email: str
    locale: Locale
    next: str
    members: Sequence[Mapping[str, object]]
    is_invitation: bool
    """Whether it is for one member alone."""


async def make_link(
    pool: Pool, secret: bytes, member: Member, *, lifetime: timedelta, locale: Locale = "en"
) -> str:
    """Make a link for one member, and return its token. Raises Unavailable."""
    assert member.email is not None, "only present members sign in"
    link_id = uuid4()
    async with connection(pool) as acquired:
        await acquired.execute(
            sql("insert_member_link"), link_id, member.member_id, member.email, locale, DASHBOARD, lifetime
        )
    return link_token(secret, link_id)


async def ask_for_link(pool: Pool, email: str, *, locale: Locale, after: str) -> None:
    """Ask for a link to be e-mailed to an address, and to lead to the page `after`. The caller limits how many.

    An unknown address takes the same steps and gets no e-mail, so that the time does not tell it apart. Raises
    Unavailable.
    """
    link_id = uuid4()
    async with transaction(pool) as acquired:
        await acquired.execute(sql("insert_member_link"), link_id, None, email, locale, after, SIGN_IN)
        if found := await of_address(acquired, email):
            await _send(acquired, link_id, str(found[0]["organization_id"]))


async def invite(pool: Pool, member: Member, *, locale: Locale) -> None:
    """E-mail an invitation to a member. Raises Unavailable."""
    link_id = uuid4()
    values = (member.member_id, member.email, locale, DASHBOARD, INVITATION)
    async with transaction(pool) as acquired:
        await acquired.execute(sql("insert_member_link"), link_id, *values)
        await _send(acquired, link_id, member.organization_id)


async def known_link(pool: Pool, link_id: UUID) -> MemberLink | None:
    """Return what a link can do, by its id; None if it was used or has expired. Raises Unavailable."""
    async with connection(pool) as acquired:
        return await _link(acquired, await acquired.fetchrow(sql("read_member_link"), link_id))


async def read_link(pool: Pool, secret: bytes, token: str) -> MemberLink | None:
    """Return what a link can do; None if it is invalid, used or expired. Raises Unavailable."""
    named = _link_id(secret, token)
    return await known_link(pool, named) if named else None


async def use_link(
    pool: Pool, secret: bytes, token: str, *, member_id: str, browser: str
) -> tuple[str, MemberLink] | None:
    """Use up a link, and open a session of one of its members; return the token of the session for the browser.

    Returns None if the link is not valid, or not for this member: it then stays as it is. Raises Unavailable.
    """
    named = _link_id(secret, token)
    if named is None:
        return None
    async with transaction(pool) as acquired:
        link = await _link(acquired, await acquired.fetchrow(sql("read_member_link"), named))
        if link is None or member_id not in [one["member_id"] for one in link.members]:
            return None
        # Of two uses at once, the second finds no row to delete.
        if await acquired.fetchrow(sql("use_member_link"), named) is None:
            return None
        session = await insert_session(acquired, MEMBER_SESSION, member_id=member_id, browser=browser)
        return session, link


async def _send(acquired: Connection, link_id: UUID, organization_id: str) -> None:
    await acquired.execute(
        sql("insert_member_letter"), organization_list_id(organization_id), link_id, organization_id
    )


def _link_id(secret: bytes, token: str) -> UUID | None:
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    if len(decoded) != 34:
        return None
    named = UUID(bytes=decoded[:16])
    return named if secrets.compare_digest(token, link_token(secret, named)) else None


async def _link(acquired: Connection, record: Record | None) -> MemberLink | None:
    if record is None:
        return None
    found = await of_address(acquired, record["email"], record["member_id"])
    if not found:
        return None
    named = (record["link_id"], record["email"], known(record["locale"]), record["next"])
    return MemberLink(*named, found, record["member_id"] is not None)
