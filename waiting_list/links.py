"""The private link of an entry: whoever has it sees the place, and may act for it. Knows nothing of HTTP.

Its token is derived, not stored (keys.link_token): the same link is shown whenever it is asked for, and what the
database holds, a hash, opens nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from waiting_list.database import Pool, Record, connection, sql
from waiting_list.keys import link_hash, link_list, link_token
from waiting_list.models import Entry, HoldStep, ListKey, ListSettings
from waiting_list.notices import KeptContact

PREFIX = "/e/"
"""Where the pages of private links begin."""
_NOWHERE = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Linked:
    """What a private link leads to, as of `now`, the database's clock. `rejoined` says that the same user has a
    later place in this list, which this link is not for."""

    organization_id: str
    entry: Entry
    contact: KeptContact
    settings: ListSettings
    event_title: str
    offer_name: str
    venue_name: str
    venue_address: str
    timezone: str
    max_quantity_per_order: int
    start_datetime: datetime
    ends_at: datetime
    rejoined: bool
    now: datetime

    @property
    def key(self) -> ListKey:
        """The list."""
        return ListKey(self.entry.offer_id, self.entry.representation_id)

    @property
    def user_id(self) -> str:
        """Whose place it is. Nobody's, once the person was erased, is never found."""
        assert self.entry.user_id is not None
        return self.entry.user_id


async def make_link(pool: Pool, secret: bytes, key: ListKey, number: int) -> str:
    """The path of an entry's private link, which is good from now on: the same whenever it is asked for, until it
    is revoked. `secret` is the deployment's `derived` one. Raises Unavailable."""
    async with connection(pool) as acquired:
        version = await acquired.fetchval(sql("read_link_version"), key.list_id, number) or 1
        token = link_token(secret, key.list_id, number, version)
        # Nothing is made if it was revoked, or the person erased, in between: as if that had come right after.
        await acquired.execute(sql("make_link"), key.list_id, number, version, link_hash(token))
    return PREFIX + token


async def revoke_link(pool: Pool, key: ListKey, number: int) -> None:
    """An entry's private link is dead at once, and the next one that is made another. Safe to repeat. Raises
    Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("revoke_link"), key.list_id, number)


async def find(pool: Pool, token: str) -> Linked | None:
    """What a private link leads to; None for one that is unknown, malformed or revoked, or whose person was
    erased: all of these take the same one look-up by a hash. Raises Unavailable."""
    list_id = link_list(token)
    named = (list_id, link_hash(token)) if list_id else (_NOWHERE, link_hash(""))
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_link"), *named)
    return _linked(record) if record else None


async def set_subscribed(pool: Pool, key: ListKey, number: int, *, subscribed: bool, now: datetime) -> None:
    """Whether the fan of an entry gets e-mails from `now` on. Safe to repeat. Raises Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("set_subscribed"), key.list_id, number, subscribed, now)


def buy_link(purchase_url: str | None, purchase_pass: str | None) -> str | None:
    """Where a fan buys what is held: the list's address with the pass in it. None where there is no pass, or the
    shop takes it in another way."""
    if purchase_url is None or purchase_pass is None:
        return None
    return purchase_url.replace("{pass}", quote(purchase_pass, safe=""))


def _linked(record: Record) -> Linked:
    made = {"entry", "contact", "settings"}
    return Linked(
        entry=Entry(**{name: record[name] for name in Entry.model_fields if name != "purchase_pass"}),
        contact=KeptContact(**{name: record[name] for name in KeptContact.model_fields}),
        settings=ListSettings(
            open=record["waiting_list_open"],
            hold_steps=HoldStep.all(record["hold_steps"]),
            **{name: record[name] for name in ListSettings.model_fields if name not in ("open", "hold_steps")},
        ),
        **{name: record[name] for name in Linked.__dataclass_fields__ if name not in made},
    )
