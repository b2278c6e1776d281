"""Move the dates of a catalogue that is read from files, so that they lie ahead."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from waiting_list.catalogue.csv_import import Catalogue


def shifted(read_from: Catalogue, today: date) -> Catalogue:
    """Move every date of a catalogue after today, and keep the times of day in the event's timezone.

    Each event moves by whole weeks, by as few as put its first representation after today. So its representations
    keep their distances and weekdays.
    """
    moved = replace(read_from, representations={})
    for event in read_from.events.values():
        zone = ZoneInfo(event.timezone)
        own = [one for one in read_from.representations.values() if one.event_id == event.event_id]
        if not own:
            continue
        first = min(one.start_datetime for one in own).astimezone(zone).date()
        weeks = timedelta(weeks=max(0, (today - first).days // 7 + 1))
        for one in own:
            moved.representations[one.representation_id] = one.model_copy(
                update={
                    "start_datetime": _later(one.start_datetime, weeks, zone),
                    "end_datetime": _later(one.end_datetime, weeks, zone),
                }
            )
    return moved


def _later(instant: datetime, weeks: timedelta, zone: ZoneInfo) -> datetime:
    # On the wall clock of the event, so that a show at 20:00 stays at 20:00 across a change of the clocks.
    local = instant.astimezone(zone)
    return (local.replace(tzinfo=None) + weeks).replace(tzinfo=zone)
