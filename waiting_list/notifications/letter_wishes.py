"""What a letter says of the wish of its entry: the other places, and what becomes of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from waiting_list.fields import Row
from waiting_list.lists.models import ListKey, Status
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries import wish_places as wish_queries
from waiting_list.lists.queries.lists import Show
from waiting_list.lists.queries.wish_places import WishPlace, WishPlaces
from waiting_list.postgres.pool import Pool


class OtherPlace(NamedTuple):
    """Another place of the fan, in words for a letter."""

    event_title: str
    start_datetime: datetime
    timezone: str
    offer_name: str
    position: int | None
    tickets_held: int


class LetterWish(NamedTuple):
    """The wish of a letter's entry. `is_announced_elsewhere` says that the letter of another place names all
    places."""

    choice: str
    others: tuple[OtherPlace, ...]
    is_announced_elsewhere: bool


async def read_letter_wishes(pool: Pool, found: Sequence[Row]) -> dict[int, LetterWish]:
    """Return the wishes of these entries of one list by their numbers, for entries that have one. Raises
    Unavailable."""
    of_wishes = [one for one in found if one["wish_id"] is not None]
    if not of_wishes:
        return {}
    wishes = await wish_queries.wishes(
        pool, of_wishes[0]["organization_id"], [one["wish_id"] for one in of_wishes]
    )
    shows = await list_queries.shows(pool, {place.key for wish in wishes.values() for place in wish.places})
    return {
        one["number"]: _letter_wish(wishes[one["wish_id"]], one["list_id"], shows)
        for one in of_wishes
        if one["wish_id"] in wishes
    }


def _letter_wish(wish: WishPlaces, list_id: UUID, shows: Mapping[ListKey, Show]) -> LetterWish:
    others = [one for one in wish.active if one.list_id != list_id and one.key in shows]
    # A place in which the fan waited before the wish has had its letter.
    new = [one.list_id for one in wish.active if one.entry.joined_at >= wish.created_at]
    return LetterWish(
        wish.choice.value,
        tuple(_in_words(one, shows[one.key]) for one in others),
        list_id in new[1:],
    )


def _in_words(one: WishPlace, show: Show) -> OtherPlace:
    entry = one.entry
    held = entry.tickets_held if entry.status is Status.READY else 0
    return OtherPlace(show.event_title, show.start_datetime, show.timezone, show.offer_name, entry.position, held)
