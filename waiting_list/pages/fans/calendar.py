"""The calendar files of fans: of an event, of one list, and of an entry with its deadline to buy.

That of an entry says no more than a fan would show to a colleague: its address is the list's public page, also
where a private link leads to the file.
"""

from datetime import datetime

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.catalogue.models import EventSummary
from waiting_list.i18n import spoken_of
from waiting_list.lists.models import LeftReason, Status
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.entry_details import EntryDetails
from waiting_list.lists.queries.lists import Show
from waiting_list.pages.calendar import Appointment, Standing, calendar_response, deadline
from waiting_list.pages.fans.entry import EntryPageRequest
from waiting_list.pages.fans.page import FanRoute
from waiting_list.pages.page import PageRequest
from waiting_list.web.parameters import path_id, path_key

router = APIRouter(route_class=FanRoute, include_in_schema=False)


@router.get(to.EVENT + to.CALENDAR)
async def show_event_calendar(call: PageRequest) -> Response:
    """Send the coming dates of a public event. Raises EventNotFound."""
    event = await catalogue_queries.shown_event(call.pool, path_id(call, "event_id"))
    locale = call.locale(languages=spoken_of(event.organizer.languages))
    url = _public(call, to.address(to.EVENT, event_id=event.event_id))
    return calendar_response(
        _dates(event, url),
        name=event.title,
        public_url=call.service.settings.public_url,
        locale=locale,
        headers={},
    )


@router.get(to.LIST + to.CALENDAR)
async def show_list_calendar(call: PageRequest) -> Response:
    """Send the show of one list. Raises InventoryNotFound."""
    key = path_key(call)
    show, _ = await list_queries.shown_list(call.pool, key)
    appointment = _show(show, key.representation_id, _public(call, to.of_list(to.LIST, key)), Standing.TENTATIVE)
    return calendar_response(
        [appointment],
        name=show.event_title,
        public_url=call.service.settings.public_url,
        locale=call.locale(languages=spoken_of(show.look.languages)),
        headers={},
    )


async def show_entry_calendar(call: EntryPageRequest) -> Response:
    """Send the show of an entry and, while tickets are held, the deadline to buy them."""
    place = call.place
    entry, key = place.entry, place.key
    locale = call.locale(place.contact.locale, spoken_of(place.look.languages))
    bought = entry.left_reason is LeftReason.BOUGHT
    standing = Standing.CONFIRMED if bought else Standing.TENTATIVE
    appointments = [_show(place, key.representation_id, _public(call, to.of_list(to.LIST, key)), standing)]
    if entry.status is Status.READY and entry.ready_until is not None and place.why_over is None:
        minutes = place.settings.reminder_minutes
        last_minutes = deadline(
            entry, appointments[0], list_id=key.list_id, reminder_minutes=minutes, locale=locale
        )
        appointments.append(last_minutes)
    return calendar_response(
        appointments,
        name=place.event_title,
        public_url=call.service.settings.public_url,
        locale=locale,
        headers=call.route.headers,
    )


def add_entry_calendar(router: APIRouter, path: str) -> None:
    """Add the calendar file of the entry at `path` to a router whose route is an EntryPageRoute."""
    router.add_api_route(path + to.CALENDAR, show_entry_calendar, methods=["GET"])


def _public(call: PageRequest, address: str) -> str:
    return call.service.settings.public_url + address


def _show(show: Show | EntryDetails, representation_id: str, url: str, standing: Standing) -> Appointment:
    return Appointment(
        key=f"show:{representation_id}",
        title=show.event_title,
        location=to.venue_line(show.venue_name, show.venue_address),
        start=show.start_datetime,
        end=show.end_datetime,
        timezone=show.timezone,
        url=url,
        standing=_standing(show.cancelled_at, standing),
    )


def _dates(event: EventSummary, url: str) -> list[Appointment]:
    location = to.venue_line(event.venue_name, event.venue_address)
    return [
        Appointment(
            key=f"show:{one.representation_id}",
            title=event.title,
            description=event.description,
            location=location,
            start=one.start_datetime,
            end=one.end_datetime,
            timezone=event.timezone,
            url=url,
            standing=_standing(one.cancelled_at, Standing.TENTATIVE),
        )
        for one in event.representations
    ]


def _standing(cancelled_at: datetime | None, standing: Standing) -> Standing:
    return Standing.CANCELLED if cancelled_at is not None else standing
