"""Queries for wishes over several lists: of a user, and with the place that each list has given."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from waiting_list.lists.models import Entry, LeftReason, ListKey, Status
from waiting_list.lists.wishes import Choice
from waiting_list.postgres.pagination import Page, decode, page_of
from waiting_list.postgres.pool import Connection, Pool, Record, connection, snapshot
from waiting_list.postgres.statements import sql


class WishState(StrEnum):
    """How far a wish has come."""

    WAITING = "waiting"
    """The fan waits, and no tickets are held."""
    HELD = "held"
    """Tickets are held in at least one list."""
    FULFILLED = "fulfilled"
    """The fan has bought tickets."""
    WITHDRAWN = "withdrawn"
    """No list has a place for the wish any longer, and no tickets were bought."""


@dataclass(frozen=True, slots=True)
class WishPlace:
    """The place of a wish in one list. `link` makes its private link: a version, or None without one."""

    list_id: UUID
    entry: Entry
    link: int | None

    @property
    def key(self) -> ListKey:
        """The key of the list."""
        return ListKey(self.entry.offer_id, self.entry.representation_id)

    @property
    def is_active(self) -> bool:
        """Whether the fan waits there, or holds tickets."""
        return self.entry.status is not Status.LEFT


@dataclass(frozen=True, slots=True)
class WishPlaces:
    """A wish with its places, in the order in which the fan named the lists."""

    wish_id: UUID
    user_id: str | None
    choice: Choice
    created_at: datetime
    done_list_id: UUID | None
    places: tuple[WishPlace, ...]

    @property
    def state(self) -> WishState:
        """How far the wish has come."""
        # With this choice, a hold ends the wish in the other lists, before any purchase.
        is_done = self.done_list_id is not None and self.choice is not Choice.WITHDRAW_WHEN_HELD
        return state_of([one.entry for one in self.places], is_done=is_done)

    @property
    def active(self) -> list[WishPlace]:
        """The places that are not over."""
        return [one for one in self.places if one.is_active]

    @property
    def held(self) -> WishPlace | None:
        """The first place for which tickets are held."""
        return next((one for one in self.places if one.entry.status is Status.READY), None)

    def others(self, key: ListKey) -> list[WishPlace]:
        """The places but that of one list."""
        return [one for one in self.places if one.key != key]


def state_of(entries: Collection[Entry], *, is_done: bool) -> WishState:
    """Return how far the wish of these entries has come; `is_done` says that tickets were bought for it."""
    statuses = {one.status for one in entries}
    if Status.READY in statuses:
        return WishState.HELD
    if is_done or any(one.left_reason is LeftReason.BOUGHT for one in entries):
        return WishState.FULFILLED
    return WishState.WAITING if Status.WAITING in statuses else WishState.WITHDRAWN


async def wishes_of_user(
    pool: Pool, user_id: str, *, organization_id: str, limit: int, cursor: str | None
) -> Page[WishPlaces]:
    """Return a user's wishes, the newest first."""
    after = decode(cursor, datetime, UUID)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_page_of_wishes"), organization_id, user_id, *after, limit + 1)
        found = await _with_places(acquired, records[:limit])
    paged = page_of(records, limit, lambda record: record["wish_id"], "created_at", "wish_id")
    return Page([found[one] for one in paged.items if found[one].places], paged.next_cursor)


async def wishes(pool: Pool, organization_id: str, wish_ids: Iterable[UUID]) -> dict[UUID, WishPlaces]:
    """Return these wishes of an organization by their ids, without those that it does not have."""
    if not (asked := list(set(wish_ids))):
        return {}
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_shown_wishes"), organization_id, asked)
        return await _with_places(acquired, records)


async def wish(
    pool: Pool, organization_id: str, wish_id: UUID, *, user_id: str | None = None
) -> WishPlaces | None:
    """Return a wish of an organization, or of one user of it; None if there is none with a place."""
    found = (await wishes(pool, organization_id, [wish_id])).get(wish_id)
    is_theirs = found is not None and found.places and user_id in (None, found.user_id)
    return found if is_theirs else None


async def hand_over_wish(pool: Pool, organization_id: str, wish_id: UUID, user_id: str) -> None:
    """Make a wish another user's, to whom its entries belong now. Safe to repeat. Raises Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("hand_over_wish"), organization_id, wish_id, user_id)


async def _with_places(acquired: Connection, records: Collection[Record]) -> dict[UUID, WishPlaces]:
    if not records:
        return {}
    lists = {list_id for record in records for list_id in record["lists"]}
    found = await acquired.fetch(sql("read_wish_places"), list(lists), [record["wish_id"] for record in records])
    places: dict[UUID, dict[UUID, WishPlace]] = {}
    for one in found:
        link = one["link_version"] if one["has_link"] else None
        place = WishPlace(one["list_id"], Entry.from_record(one), link)
        places.setdefault(one["wish_id"], {})[one["list_id"]] = place
    return {record["wish_id"]: _wish(record, places.get(record["wish_id"], {})) for record in records}


def _wish(record: Record, places: dict[UUID, WishPlace]) -> WishPlaces:
    made: dict[str, Any] = {name: record[name] for name in ("wish_id", "user_id", "created_at", "done_list_id")}
    ordered = tuple(places[list_id] for list_id in record["lists"] if list_id in places)
    return WishPlaces(**made, choice=Choice(record["choice"]), places=ordered)
