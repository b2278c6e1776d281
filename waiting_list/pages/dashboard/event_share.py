"""The dashboard pages that bring an event to fans: publish it, its link, its QR code, the widget and a poster."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.catalogue.models import Event
from waiting_list.pages.dashboard.events import Date, EventRoute, dates_of, event_facts, event_of
from waiting_list.pages.dashboard.page import dashboard_page
from waiting_list.pages.page import HEADERS, PageRequest
from waiting_list.problems import NotFound

router = APIRouter(route_class=EventRoute, include_in_schema=False)
_LISTS = 20
"""The most lists for which the page shows a widget."""
_DATES_OF_FLYER = 8
_MEDIA_TYPES = {"svg": "image/svg+xml", "png": "image/png"}


@router.get(to.DASHBOARD_EVENT_SHARE)
async def show_share(call: PageRequest) -> Response:
    """Show how fans reach an event and, for a draft, what publishing it does."""
    event = await event_of(call)
    coming = _coming(await dates_of(call, event))
    lists = [(date.representation, one) for date in coming for one in date.lists]
    return dashboard_page(
        call,
        "dashboard_event_share.html",
        **event_facts(event),
        link=_link(call, event),
        public_url=call.service.settings.public_url,
        dates=len(coming),
        lists=lists[:_LISTS],
        open_lists=sum(one.waiting_list_open for _, one in lists),
        list_count=len(lists),
        done=call.query_params.get("done"),
        once=secrets.token_urlsafe(16),
    )


@router.get(to.DASHBOARD_EVENT_FLYER)
async def show_flyer(call: PageRequest) -> Response:
    """Show a poster with the event's QR code, which fits one sheet of A4."""
    event = await event_of(call)
    coming = [date for date in _coming(await dates_of(call, event)) if date.representation.cancelled_at is None]
    return dashboard_page(
        call,
        "dashboard_event_flyer.html",
        **event_facts(event),
        link=_link(call, event),
        dates=coming[:_DATES_OF_FLYER],
        more=max(0, len(coming) - _DATES_OF_FLYER),
    )


@router.get(to.DASHBOARD_EVENT_QR)
async def get_qr_code(call: PageRequest, kind: str) -> Response:
    """Send the QR code of the event's link (ISO/IEC 18004), as SVG or PNG; with `?download` as a file to keep."""
    event = await event_of(call)
    if kind not in _MEDIA_TYPES:
        raise NotFound("This page does not exist.")
    image = BytesIO()
    # Level M reads with 15 % of it damaged, as a poster outdoors is. The border is the quiet zone of the standard.
    import segno  # noqa: PLC0415 - a process that never draws a code needs none of it

    segno.make(_link(call, event), error="m", micro=False).save(image, kind=kind, scale=16, border=4)
    headers = HEADERS | (
        {"Content-Disposition": f'attachment; filename="qr.{kind}"'} if "download" in call.query_params else {}
    )
    return Response(image.getvalue(), headers=headers, media_type=_MEDIA_TYPES[kind])


def _link(call: PageRequest, event: Event) -> str:
    return call.service.settings.public_url + to.address(to.EVENT, event_id=event.event_id)


def _coming(dates: Sequence[Date]) -> list[Date]:
    now = datetime.now(UTC)
    return [date for date in dates if date.representation.start_datetime > now]
