"""Join several lists of an event with one press: any of these dates or ticket types will do."""

from collections.abc import Container, Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import Response

from waiting_list.access.wishes import WishRequest
from waiting_list.catalogue.models import EventSummary, ListOfEvent
from waiting_list.lists.engine import Caller
from waiting_list.lists.models import FAN, ListKey
from waiting_list.lists.queries.wishes import MOST_LISTS
from waiting_list.lists.wishes import Choice
from waiting_list.page_addresses import PLACE, list_field, of_list
from waiting_list.pages.fans.joining import caller_once, given_contact, letter_sent, own_contact, tickets_of
from waiting_list.pages.forms import Form, sent_solution
from waiting_list.pages.page import NOT_REFERRED, PageRequest, go_to
from waiting_list.problems import AlreadyInList, InvalidRequest


class Offered(NamedTuple):
    """A list that a fan can tick, by the name of its field."""

    field: str
    list: ListOfEvent
    offer_name: str
    start_datetime: datetime

    @property
    def key(self) -> ListKey:
        """The key of the list."""
        return ListKey(self.list.offer_id, self.list.representation_id)


def offered(event: EventSummary, but: Container[ListKey]) -> list[Offered]:
    """Return the lists of an event that a fan can join now, in the order of the dates, without those in `but`."""
    names = {one.offer_id: one.name for one in event.offers}
    return [
        Offered(list_field(key.list_id), one, names[one.offer_id], date.start_datetime)
        for date in event.representations
        for one in event.waiting_lists
        if one.representation_id == date.representation_id and one.open and not date.cancelled_at
        for key in [ListKey(one.offer_id, one.representation_id)]
        if key not in but
    ][:MOST_LISTS]


def ticked(form: Form | Mapping[str, str | None], event: EventSummary) -> list[ListKey]:
    """Return the lists of an event that are ticked in a form, in the order of the dates."""
    keys = [
        ListKey(one.offer_id, one.representation_id)
        for date in event.representations
        for one in event.waiting_lists
        if one.representation_id == date.representation_id
    ]
    return [key for key in keys if form.get(list_field(key.list_id))]


async def join_several(call: PageRequest, keys: list[ListKey]) -> Response:
    """Join these lists with one wish, and go to the first place. Its page shows the others.

    Without a signed-in fan, join with the address in the form. Raises the problem of the first list if every list
    refuses; InvalidRequest, RateLimited, ChallengeRequired, Unavailable.
    """
    form, service = call.sent, call.service
    if len(keys) > MOST_LISTS:
        raise InvalidRequest.of("lists", f"may have {MOST_LISTS} lists")
    try:
        choice = Choice(form.get("choice", Choice.WITHDRAW_WHEN_BOUGHT))
    except ValueError:
        raise InvalidRequest.of("choice", "is not valid") from None
    asked = WishRequest(keys, choice, *tickets_of(form))
    if "email" in form:
        fan, _ = await service.email_joins.fan(keys[0], given_contact(call))
        for _ in keys:
            call.allow(await service.limits.join(fan.organization_id, fan.user_id, call.address))
        caller = caller_once(form, fan, f"{keys} {asked}")
        places = await service.email_joins.join_several(
            asked, caller, fan, address=call.address, given=sent_solution(form)
        )
        if places is None:
            return await letter_sent(call, keys[0], fan.contact.email)
        left_out = {"left_out": len(places.refusals), "hidden": places.hidden}
        place, *_ = places.places.values()
        return go_to(_with(place.link, left_out), NOT_REFERRED)
    for _ in keys:
        await call.count_join()
    contact, user = own_contact(call), call.user
    made = await service.wishes.make(
        asked,
        Caller(user.organization_id, FAN),
        user_id=user.user_id,
        contact=contact,
        letter=call.letter(contact),
        network=service.limits.network(call.address),
        given=sent_solution(form),
    )
    refusals = [one for one in made.refusals if not isinstance(one, AlreadyInList)]
    if not made.entries and refusals:
        raise refusals[0]
    # Without any entry, the button was pressed twice: the fan has all of these places.
    first = next((key for key, one in made.outcomes.items() if one in made.entries), keys[0])
    return go_to(_with(of_list(PLACE, first), {"left_out": len(refusals)}))


def _with(address: str, query: Mapping[str, int]) -> str:
    """Return the address of a place that says how many lists gave no place."""
    found = urlencode({name: number for name, number in query.items() if number})
    return f"{address}?{found}" if found else address
