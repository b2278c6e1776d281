"""The dashboard pages of one event: cancel and reinstate its dates, publish or delete a draft, in two steps.

The first step says what will happen, and to how many people. The second does it, once.
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list.access.scopes import Scope
from waiting_list.catalogue import cancellation, deletion
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.catalogue.models import Cancellation, Event, EventFields, Representation
from waiting_list.lists.engine import Caller
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.lists import Overview
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, idempotency_of
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import EventNotFound, InvalidRequest, RepresentationNotFound
from waiting_list.web.parameters import path_id

_DATES = 500
"""The most dates, and the most lists, that the page of an event shows."""
_ACTIONS = ("cancel", "reinstate", "publish", "delete", "archive", "unarchive")

_AFTER = {
    "publish": to.DASHBOARD_EVENT_SHARE,
    "archive": to.DASHBOARD_EVENT_DETAILS,
    "unarchive": to.DASHBOARD_EVENT_DETAILS,
}
"""The page that tells of an action, if it is not that of the dates."""


class EventRoute(DashboardRoute):
    """A page of an event, or a form that changes it."""

    def required_scope(self, call: PageRequest) -> Scope:  # noqa: ARG002 - the same for all forms
        return Scope.STOCK


router = APIRouter(route_class=EventRoute, include_in_schema=False)


class Date(NamedTuple):
    """A representation of an event, with its lists."""

    representation: Representation
    lists: Sequence[Overview]

    @property
    def has_begun(self) -> bool:
        """Whether every list of the date has ended without a cancellation."""
        return (
            self.representation.cancelled_at is None and all(one.ended for one in self.lists) and any(self.lists)
        )

    @property
    def waiting(self) -> int:
        """How many fans wait for this date."""
        return sum(one.waiting for one in self.lists)

    @property
    def ready(self) -> int:
        """For how many fans tickets of this date are held."""
        return sum(one.ready for one in self.lists)


@router.get(to.DASHBOARD_EVENT)
async def show_event(call: PageRequest) -> Response:
    """Show an event: its dates with their lists, and what can be done to them."""
    event = await event_of(call)
    dates = await dates_of(call, event)
    return dashboard_page(
        call,
        "dashboard_event.html",
        **event_facts(event),
        dates=dates,
        done=call.query_params.get("done"),
        count=int(count) if (count := call.query_params.get("count", "")).isdecimal() and len(count) < 10 else 0,
    )


@router.post(to.DASHBOARD_EVENT_CONFIRM)
async def confirm_event(call: PageRequest) -> Response:
    """Say what an action does and to how many people, and ask the organizer to confirm it."""
    event, form = await event_of(call), call.sent
    do = _action(call)
    if do in ("archive", "unarchive"):
        raise InvalidRequest.of("do", "needs no confirmation")
    dates = await dates_of(call, event)
    chosen = None
    if do in ("cancel", "reinstate"):
        wanted = form.get("representation_id")
        chosen = next((one for one in dates if one.representation.representation_id == wanted), None)
        if chosen is None:
            raise RepresentationNotFound("There is no such representation.")
    return dashboard_page(
        call,
        "dashboard_event_confirm.html",
        **event_facts(event),
        do=do,
        date=chosen,
        dates=len(dates),
        lists=sum(len(one.lists) for one in dates),
        reason=_cancellation(call).reason,
        grace=call.service.settings.end_grace,
        once=secrets.token_urlsafe(16),
    )


@router.post(to.DASHBOARD_EVENT_DO)
async def change_event(call: PageRequest) -> Response:
    """Do what was confirmed."""
    do = _action(call)
    if not call.sent.get("once"):
        raise InvalidRequest.of("once", "The confirmation has expired. Go back and confirm again.")
    if do == "delete":
        with suppress(EventNotFound):  # the button was pressed twice
            await deletion.delete_event(call.pool, call.caller, path_id(call, "event_id"), with_entries=True)
        return go_to(to.DASHBOARD)
    event = await event_of(call)
    caller = Caller(call.organization_id, call.caller.actor, idempotency_of(call))
    date = call.sent.get("representation_id", "")
    if do == "cancel":
        reason = _cancellation(call).reason
        await cancellation.cancel(call.pool, call.engine, caller, date, reason=reason)
    elif do == "reinstate":
        await cancellation.reinstate(call.pool, call.engine, caller, date)
    else:
        change = {"draft": False} if do == "publish" else {"archived": do == "archive"}
        fields = EventFields(**event.model_dump(include={*EventFields.model_fields}) | change)
        await catalogue_changes.put_event(
            call.pool, call.organization_id, event.event_id, fields, engine=call.engine, actor=caller.actor
        )
    after = _AFTER.get(do, to.DASHBOARD_EVENT)
    return go_to(f"{to.address(after, event_id=event.event_id)}?done={do}")


@router.get(to.DASHBOARD_EVENT + to.ANYTHING_ELSE)
async def show_event_again(call: PageRequest) -> Response:
    """Redirect a reload of the answer to a form to the event's page."""
    event = await event_of(call)
    return go_to(to.address(to.DASHBOARD_EVENT, event_id=event.event_id))


async def event_of(call: PageRequest) -> Event:
    """Return the event that the path names. Raises NotFound, EventNotFound."""
    return await catalogue_queries.event(
        call.pool, path_id(call, "event_id"), organization_id=call.organization_id
    )


def event_facts(event: Event) -> dict[str, Any]:
    """Return the facts that every page of an event shows."""
    page = to.address(to.DASHBOARD_EVENT, event_id=event.event_id)
    return {"event": event, "timezone": event.timezone, "event_page": page}


async def dates_of(call: PageRequest, event: Event) -> list[Date]:
    """Return the dates of an event with their lists, the earliest first."""
    found = await catalogue_queries.representations(
        call.pool,
        call.organization_id,
        representation_id=None,
        event_id=[event.event_id],
        limit=_DATES,
        cursor=None,
    )
    lists = await lists_of(call, event)
    dates = (
        Date(one, [each for each in lists if each.representation_id == one.representation_id])
        for one in found.items
    )
    return sorted(dates, key=lambda date: date.representation.start_datetime)


async def lists_of(call: PageRequest, event: Event) -> Sequence[Overview]:
    """Return the lists of an event, with those of past dates, the next date first."""
    found = await list_queries.overview(
        call.pool,
        call.organization_id,
        event_id=event.event_id,
        text=None,
        wanted_only=False,
        past=True,
        limit=_DATES,
        cursor=None,
    )
    return found.items


def _action(call: PageRequest) -> str:
    do = call.sent.get("do", "")
    if do not in _ACTIONS:
        raise InvalidRequest.of("do", "unknown action")
    return do


def _cancellation(call: PageRequest) -> Cancellation:
    try:
        return Cancellation(reason=call.sent.get("reason", "").strip() or None)
    except ValidationError as error:
        raise InvalidRequest.of("reason", "must have 500 characters at most, on one line") from error
