"""Write calendar files (iCalendar, RFC 5545) of shows and of deadlines to buy.

People share their calendars, and programs copy them. So a file names only public addresses: no private link, no
purchase pass, and no name of a fan.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from fastapi import Response

from waiting_list.fields import Locale
from waiting_list.i18n import shown_instant, translations
from waiting_list.lists.models import Entry

if TYPE_CHECKING:
    from icalendar import Event

_MEDIA_TYPE = "text/calendar; charset=utf-8"
_LEAD = timedelta(minutes=30)
"""How long before the deadline the alarm comes, where the list sends no reminder."""
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


class Standing(StrEnum):
    """How sure it is that the reader goes (RFC 5545, 3.8.1.11)."""

    TENTATIVE = "TENTATIVE"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """A stretch of time in a calendar. `key` stays the same whatever changes, so that a later file replaces it.

    `url` is a public address of this service. With `alarm`, the calendar rings at the start.
    """

    key: str
    title: str
    description: str = ""
    location: str = ""
    start: datetime
    end: datetime
    timezone: str
    url: str
    standing: Standing
    alarm: bool = False


def deadline(
    entry: Entry, appointment: Appointment, *, list_id: object, reminder_minutes: int | None, locale: Locale
) -> Appointment:
    """Return the last minutes to buy the held tickets of an entry, with an alarm. `appointment` is its show."""
    assert entry.ready_at is not None
    assert entry.ready_until is not None
    texts = translations(locale)
    held = texts.ngettext(
        "%(num)s ticket is held for you until %(until)s.",
        "%(num)s tickets are held for you until %(until)s.",
        entry.tickets_held,
    )
    until = shown_instant(entry.ready_until, appointment.timezone, locale=locale)
    _ = texts.gettext
    lead = timedelta(minutes=reminder_minutes) if reminder_minutes else _LEAD
    return Appointment(
        key=f"deadline/{list_id}/{entry.number}",
        title=_("Buy your tickets: %(event)s") % {"event": appointment.title},
        description=f"{held % {'num': entry.tickets_held, 'until': until}} "
        + _("To buy them, open your place on the waiting list."),
        start=max(entry.ready_at, entry.ready_until - lead),
        end=entry.ready_until,
        timezone=appointment.timezone,
        url=appointment.url,
        standing=Standing.CONFIRMED,
        alarm=True,
    )


def calendar_response(
    appointments: Sequence[Appointment], *, name: str, public_url: str, locale: Locale, headers: dict[str, str]
) -> Response:
    """Answer with the calendar file of these appointments, in a language."""
    # Late, because most processes never write a calendar.
    from icalendar import Calendar  # noqa: PLC0415

    now = datetime.now(UTC).replace(microsecond=0)
    calendar = Calendar()
    calendar.add("prodid", f"-//Waiting List Service//{locale.upper()}")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    for one in appointments:
        calendar.add_component(_event(one, public_url=public_url, locale=locale, now=now))
    if appointments:
        # Only the years around, because a zone with all its changes of the clock is 3 KB.
        first, last = min(one.start.year for one in appointments), max(one.end.year for one in appointments)
        calendar.add_missing_timezones(date(first - 1, 1, 1), date(last + 2, 1, 1))
    sent = {
        "Content-Disposition": 'inline; filename="calendar.ics"',
        "X-Content-Type-Options": "nosniff",
    } | headers
    return Response(calendar.to_ical(), 200, sent, media_type=_MEDIA_TYPE)


def _event(one: Appointment, *, public_url: str, locale: Locale, now: datetime) -> "Event":
    from icalendar import Alarm, Event  # noqa: PLC0415 - as above

    zone, event = ZoneInfo(one.timezone), Event()
    cancelled = one.standing is Standing.CANCELLED
    _ = translations(locale).gettext
    title = _("Cancelled: %(event)s") % {"event": one.title} if cancelled else one.title
    event.add("uid", str(uuid5(NAMESPACE_URL, f"{public_url}/{one.key}")))
    # Nobody numbers the changes of a show, and a later file must win.
    event.add("sequence", int((now - _EPOCH).total_seconds()))
    event.add("dtstamp", now)
    event.add("dtstart", one.start.astimezone(zone))
    event.add("dtend", one.end.astimezone(zone))
    event.add("summary", title, {"LANGUAGE": locale})
    event.add("status", one.standing.value)
    event.add("transp", "OPAQUE" if one.standing is Standing.CONFIRMED and not one.alarm else "TRANSPARENT")
    event.add("url", one.url)
    if one.description:
        event.add("description", one.description, {"LANGUAGE": locale})
    if one.location:
        event.add("location", one.location)
    if one.alarm:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", title)
        alarm.add("trigger", timedelta(0))
        event.add_component(alarm)
    return event
