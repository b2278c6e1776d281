"""What the page of an entry shows of its wish: the other places, each with a page where the reader may open it."""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from waiting_list.access.private_links import link_token
from waiting_list.lists.engine import Caller, Verb
from waiting_list.lists.models import FAN, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries import wish_places as wish_queries
from waiting_list.lists.queries.entry_details import EntryDetails
from waiting_list.lists.queries.lists import Show
from waiting_list.lists.queries.wish_places import WishPlace, WishPlaces
from waiting_list.lists.wishes import Choice
from waiting_list.page_addresses import PLACE, PRIVATE_LINK, address, of_list
from waiting_list.pages.page import PageRequest
from waiting_list.problems import AddressTaken, AlreadyLeft, InvalidRequest, NotInList, TooManyPlaces

_STAYS = (AddressTaken, AlreadyLeft, InvalidRequest, NotInList, TooManyPlaces)
_COUNT = re.compile(r"[1-9][0-9]?", re.ASCII)


class OtherPlace(NamedTuple):
    """A place of the same wish in another list, its show, and the address of its page if there is one to open."""

    place: WishPlace
    show: Show
    address: str | None


class ShownWish(NamedTuple):
    """The wish of an entry as its fan sees it."""

    wish: WishPlaces
    others: list[OtherPlace]
    keeps_all: bool
    """Whether several lists may hold tickets at the same time."""
    held: OtherPlace | None
    """The other place for which tickets are held."""
    bought: OtherPlace | None
    """The other place for which tickets were bought, so that this one is over."""
    active: int
    """In how many lists the fan still has a place, this one included."""

    @property
    def waiting(self) -> int:
        """How many of the other places wait."""
        return sum(one.place.entry.status is Status.WAITING for one in self.others)


async def shown_wish(call: PageRequest, details: EntryDetails, *, by_link: bool) -> ShownWish | None:
    """Return the wish of an entry, or None. `by_link` says that the reader has come by a private link.

    The reader of a private link may open those of the same wish, because one fan has made all of them. Raises
    Unavailable.
    """
    wish_id = details.entry.wish_id
    if wish_id is None:
        return None
    secret = await call.service.signing_keys.derived_secret()
    found = await wish_queries.wish(call.pool, details.organization_id, wish_id)
    if found is None or not (others := found.others(details.key)):
        return None
    shows = await list_queries.shows(call.pool, [one.key for one in others])

    def page_of(one: WishPlace) -> str | None:
        if not by_link:
            return of_list(PLACE, one.entry)
        if one.link is None:
            return None
        return address(PRIVATE_LINK, token=link_token(secret, one.list_id, one.entry.number, one.link))

    shown = [OtherPlace(one, shows[one.key], page_of(one)) for one in others if one.key in shows]
    return ShownWish(
        found,
        shown,
        keeps_all=found.choice is Choice.KEEP_UNTIL_BOUGHT,
        held=next((one for one in shown if one.place.entry.status is Status.READY), None),
        bought=next((one for one in shown if one.place.list_id == found.done_list_id), None),
        active=len(found.active),
    )


async def run_in_others(
    call: PageRequest,
    details: EntryDetails,
    verb: Verb,
    places: Sequence[WishPlace] | None = None,
    **arguments: Any,
) -> None:
    """Run a verb for the other active places of the entry's wish, or for these `places` of it.

    A place that refuses, for example because it has another address by now, stays as it is. Raises Unavailable.
    """
    for one in await _others(call, details) if places is None else places:
        with suppress(*_STAYS):
            entry = {"user_id": one.entry.user_id, "number": one.entry.number}
            await call.engine.run(one.key, Caller(details.organization_id, FAN), verb, **entry, **arguments)


async def unconfirmed_others(call: PageRequest, details: EntryDetails, email: str) -> list[WishPlace]:
    """Return the other active places of the entry's wish that have the same address, unconfirmed."""
    found = []
    organization_id = details.organization_id
    for one in await _others(call, details):
        user_id = one.entry.user_id
        assert user_id is not None, "an erased person has no wish"
        kept = await entry_queries.contact(call.pool, one.key, user_id, organization_id=organization_id)
        if kept.email == email and not kept.email_verified:
            found.append(one)
    return found


async def _others(call: PageRequest, details: EntryDetails) -> list[WishPlace]:
    if details.entry.wish_id is None:
        return []
    wish = await wish_queries.wish(call.pool, details.organization_id, details.entry.wish_id)
    return [one for one in wish.others(details.key) if one.is_active] if wish else []


async def of_wish(call: PageRequest, details: EntryDetails, *, shared: bool) -> dict[str, Any]:
    """Return what the page of an entry shows of its wish, and of lists that the fan has just ticked in vain.

    Another person with whom the fan shares this place sees nothing of the others.
    """
    wish = None if shared else await shown_wish(call, details, by_link=call.who is None)
    counts = {name: call.query_params.get(name, "") for name in ("left_out", "hidden")}
    return {"wish": wish} | {name: int(text) if _COUNT.fullmatch(text) else 0 for name, text in counts.items()}
