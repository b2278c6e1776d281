"""The pages of lists for fans: upcoming events, one list with its rules, joining it, and the fan's own lists."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Response

from waiting_list.access.email_joins import Wish
from waiting_list.access.user_tokens import User
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.catalogue.models import EventSummary
from waiting_list.catalogue.search import EventSearch
from waiting_list.lists.models import Entry, ListKey, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries import wish_places as wish_queries
from waiting_list.lists.queries.lists import Show
from waiting_list.lists.queries.wait_estimate import estimate_wait
from waiting_list.looks import Look
from waiting_list.page_addresses import (
    EVENT,
    EVENT_JOIN,
    HOME,
    JOIN,
    LIST,
    MY_LISTS,
    PLACE,
    SIGN_IN,
    address,
    is_list_field,
    of_list,
)
from waiting_list.pages.bar_chart import plot
from waiting_list.pages.fans.joining import join_one
from waiting_list.pages.fans.page import FanRoute, shared
from waiting_list.pages.fans.several import Offered, join_several, offered, ticked
from waiting_list.pages.forms import search_text
from waiting_list.pages.page import PageRequest, go_to, page
from waiting_list.postgres.pagination import Page
from waiting_list.problems import InvalidRequest, InventoryNotFound, NotFound, NotInList, Problem
from waiting_list.web.parameters import MOST_SEARCHED, is_id, path_id, path_key

_EVENTS = 20
_LISTS = 50

router = APIRouter(route_class=FanRoute, include_in_schema=False)


@router.get(HOME)
async def show_events(call: PageRequest) -> Response:
    """List upcoming events, with their dates, their ticket types and the length of each list."""
    # The form sends every field, also those that nobody filled in.
    organization_ids = [one for one in call.query_params.getlist("organization_id") if one] or None
    for one in organization_ids or ():
        if not is_id(one):
            raise NotFound("This page does not exist.")
    sought, search, errors = _sought(call)
    found: Page[EventSummary] = Page([], None)
    if not errors:
        found = await catalogue_queries.upcoming_events(
            call.pool, organization_ids, search=search, limit=_EVENTS, cursor=call.query_params.get("cursor")
        )
    known = await catalogue_queries.organizations(call.pool) if found.items or sought else {}
    filters = [(name, value) for name, value in sought.items() if value]
    filters += [("organization_id", one) for one in organization_ids or ()]
    return page(
        call,
        "events.html",
        status=InvalidRequest.status if errors else 200,
        headers=shared(call),
        sought=dict.fromkeys(_FIELDS, "") | sought,
        errors=errors,
        searched=bool(sought),
        filtered=bool(errors) or any(name != "q" for name, _ in filters),
        again=urlencode(filters),
        organizations=known,
        events=found.items,
        own=await _own_entries(call),
        look=_one_look(found.items),
        next_cursor=found.next_cursor,
        organization_ids=organization_ids or [],
    )


@router.get(EVENT)
async def show_public_event(call: PageRequest) -> Response:
    """Show one event with its coming dates and their lists, and the form to join several of them. A draft does not
    exist for fans."""
    return await _event_page(call, await catalogue_queries.shown_event(call.pool, path_id(call, "event_id")))


@router.get(EVENT_JOIN)
async def show_event_again(call: PageRequest) -> Response:
    """Redirect a reload of a refused form to the event's page."""
    return go_to(address(EVENT, event_id=path_id(call, "event_id")))


@router.post(EVENT_JOIN)
async def join_any(call: PageRequest) -> Response:
    """Join the ticked lists of an event at their ends, with one wish if there are several."""
    found = await catalogue_queries.shown_event(call.pool, path_id(call, "event_id"))
    keys = ticked(call.sent, found)
    if call.who is None and "email" not in call.sent:
        return await show_event_again(call)
    try:
        if not keys:
            raise InvalidRequest.of("lists", "must have a list")
        return await (join_several(call, keys) if len(keys) > 1 else join_one(call, keys[0]))
    except InventoryNotFound:
        raise
    except Problem as problem:
        return await _event_page(call, found, refusal=problem)


async def _event_page(call: PageRequest, found: EventSummary, *, refusal: Problem | None = None) -> Response:
    own = await _own_entries(call)
    status, headers = (refusal.status, dict(refusal.headers)) if refusal else (200, {})
    return page(
        call,
        "event.html",
        status=status,
        headers=shared(call) | headers,
        page=address(EVENT, event_id=found.event_id),
        event=found,
        own=own,
        look=found.organizer,
        public_url=call.service.settings.public_url,
        offered=offered(found, own),
        **_joining(call, found.organization_id, refusal),
    )


@router.get(LIST)
async def show_list(call: PageRequest) -> Response:
    """Show one list: whether it is open, its length, its rules, and the form to join it."""
    key = path_key(call)
    entry = await own_entry(call, key)
    if entry is not None and entry.status is not Status.LEFT:
        return go_to(of_list(PLACE, key))
    return await show_list_as_it_is(call, key, entry, asked="asked" in call.query_params)


@router.get(JOIN)
async def show_list_again(call: PageRequest) -> Response:
    """Redirect a reload of a refused form to the list's page."""
    return go_to(of_list(LIST, path_key(call)))


@router.post(JOIN)
async def join(call: PageRequest) -> Response:
    """Join the list at its end."""
    key = path_key(call)
    if call.who is None and "email" not in call.sent:
        return go_to(of_list(LIST, key))
    try:
        others = await _ticked_others(call, key)
        return await (join_several(call, [key, *others]) if others else join_one(call, key))
    except InventoryNotFound:
        raise
    except Problem as problem:
        entry = None if "email" in call.sent else await own_entry(call, key)
        return await show_list_as_it_is(call, key, entry, refusal=problem)


async def _ticked_others(call: PageRequest, key: ListKey) -> list[ListKey]:
    """Return the other lists of the event that the sent form ticks."""
    if not any(is_list_field(name) for name in call.sent):
        return []
    event = await catalogue_queries.linked_event(call.pool, key)
    found = await catalogue_queries.shown_event(call.pool, event.event_id)
    return [one for one in ticked(call.sent, found) if one != key]


@router.get(MY_LISTS)
async def show_my_lists(call: PageRequest) -> Response:
    """List all entries of a fan, the newest first."""
    if call.who is None:
        return go_to(f"{SIGN_IN}?next={MY_LISTS}")
    found = await entry_queries.entries_of_user(
        call.pool,
        call.user.user_id,
        organization_id=call.organization_id,
        status=None,
        limit=_LISTS,
        cursor=call.query_params.get("cursor"),
    )
    shows = await list_queries.shows(call.pool, {_key(entry) for entry in found.items})
    wished = {entry.wish_id for entry in found.items if entry.wish_id}
    wishes = await wish_queries.wishes(call.pool, call.organization_id, wished)
    # The entries of a wish stand together, where its newest would stand.
    groups: dict[object, list[tuple[Entry, Show]]] = {}
    for entry in found.items:
        group = entry.wish_id if entry.wish_id in wishes else (_key(entry), entry.number)
        groups.setdefault(group, []).append((entry, shows[_key(entry)]))
    look = shows[_key(found.items[0])].look if found.items else None
    return page(
        call,
        "my_lists.html",
        groups=[(wishes.get(group) if isinstance(group, UUID) else None, one) for group, one in groups.items()],
        next_cursor=found.next_cursor,
        look=look,
    )


async def own_entry(call: PageRequest, key: ListKey) -> Entry | None:
    """Return the newest entry of the signed-in fan in a list, if there is one."""
    if not isinstance(call.who, User):
        return None
    with suppress(NotInList, InventoryNotFound):  # the latter: the list is another organization's
        return await call.reads.entry(key, call.user.user_id, organization_id=call.organization_id)
    return None


async def _own_entries(call: PageRequest) -> dict[ListKey, Entry]:
    """Return the newest active entries of a fan by their lists; of nobody, none."""
    if not isinstance(call.who, User):
        return {}
    found = await entry_queries.entries_of_user(
        call.pool,
        call.user.user_id,
        organization_id=call.organization_id,
        status=[Status.WAITING, Status.READY],
        limit=_LISTS,
        cursor=None,
    )
    return {_key(entry): entry for entry in found.items}


async def show_list_as_it_is(
    call: PageRequest, key: ListKey, entry: Entry | None, *, refusal: Problem | None = None, **more: Any
) -> Response:
    """Show one list, below a refusal if there is one; `more` is for the template."""
    show, rules = await list_queries.shown_list(call.pool, key)
    throughput = await call.reads.throughput(key)
    # The wait of a fan who would join now: last, for one ticket.
    wait = estimate_wait(throughput, tickets_ahead=rules.tickets_waiting, tickets_wanted=1) if rules.open else None
    event = await catalogue_queries.linked_event(call.pool, key)
    others: list[Offered] = []
    if rules.open and not event.draft:
        whole = await catalogue_queries.shown_event(call.pool, event.event_id)
        others = offered(whole, {key, *await _own_entries(call)})
    status, headers = (refusal.status, dict(refusal.headers)) if refusal else (200, {})
    return page(
        call,
        "list.html",
        status=status,
        headers=shared(call) | headers,
        page=of_list(LIST, key),
        show=show,
        look=show.look,
        event=event,
        rules=rules,
        entry=entry,
        timezone=show.timezone,
        # Where the form for an alert has nothing else to say.
        alert_email=call.user.contact.email if isinstance(call.who, User) else None,
        pace=throughput,
        turns=plot(throughput.fans, height=48),
        wait=wait,
        ends_at=rules.ends_at,
        public_url=call.service.settings.public_url,
        offered=others,
        **_joining(call, show.organization_id, refusal),
        **{"asked": False, "wrong_email": False} | more,
    )


def _is_wished(name: str) -> bool:
    return name in Wish._fields or is_list_field(name)


def _joining(call: PageRequest, organization_id: str, refusal: Problem | None) -> dict[str, Any]:
    """Return what a form to join shows."""
    sent = getattr(call, "sent", {})
    return {
        # A fan of another organization cannot join here.
        "is_fan": call.who is not None and call.organization_id == organization_id,
        "mails": call.service.settings.sends_mail,
        # The link of an e-mail brings the tickets wanted back.
        "form": sent or {name: call.query_params[name] for name in call.query_params if _is_wished(name)},
        "refusal": refusal,
        "challenge": refusal.extra.get("challenge") if refusal else None,
        # After a refused solution the fan sends the next one by hand, because a page must not send itself for
        # ever.
        "by_hand": "challenge_solution" in sent,
    }


_FIELDS = ("q", "place", "from", "to", "available")
"""The fields of the search for events, as the API names them, too."""


def _sought(call: PageRequest) -> tuple[dict[str, str], EventSearch, set[str]]:
    """Return the fields of a search that are filled in, the search, and which fields are wrong."""
    sent = {name: search_text(call.query_params.get(name)) for name in _FIELDS}
    sought = {name: value[:MOST_SEARCHED] for name, value in sent.items() if value}
    errors, days = set(), {}
    for name in ("from", "to"):
        try:
            days[name] = date.fromisoformat(sought[name]) if name in sought else None
        except ValueError:
            errors.add(name)
    search = EventSearch(
        sought.get("q"), sought.get("place"), days.get("from"), days.get("to"), available="available" in sought
    )
    return sought, search, errors


def _one_look(found: Sequence[EventSummary]) -> Look | None:
    """Return the look of the organization of all these events; None if there are several."""
    looks = {one.organization_id: one.organizer for one in found}
    return looks.popitem()[1] if len(looks) == 1 else None


def _key(entry: Entry) -> ListKey:
    return ListKey(entry.offer_id, entry.representation_id)
