"""The pages of lists for fans: upcoming events, one list with its rules, joining it, and the fan's own lists."""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list.access.email_joins import Wish
from waiting_list.access.email_sign_in import SIGN_IN as SIGN_IN_TIME
from waiting_list.access.user_tokens import User
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.catalogue.models import EventSummary
from waiting_list.catalogue.search import EventSearch
from waiting_list.i18n import spoken
from waiting_list.lists.contact import ContactFields
from waiting_list.lists.engine import Caller
from waiting_list.lists.idempotency import Idempotency
from waiting_list.lists.models import FAN, Entry, ListKey, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.wait_estimate import estimate_wait
from waiting_list.looks import Look
from waiting_list.page_addresses import EVENT, HOME, JOIN, LIST, MY_LISTS, PLACE, SIGN_IN, of_list
from waiting_list.pages.bar_chart import plot
from waiting_list.pages.fans.page import FanRoute
from waiting_list.pages.forms import Form, search_text, sent_solution, whole_number
from waiting_list.pages.page import NOT_REFERRED, SHARED, PageRequest, go_to, page
from waiting_list.postgres.pagination import Page
from waiting_list.problems import AlreadyInList, InvalidRequest, InventoryNotFound, NotFound, NotInList, Problem
from waiting_list.web.parameters import MOST_SEARCHED, is_id, path_id, path_key

_EVENTS = 20
_LISTS = 50
_ONCE = re.compile(r"[0-9a-f-]{8,40}")


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
        headers=_shared(call),
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
    """Show one event with its coming dates and their lists. A draft does not exist for fans."""
    found = await catalogue_queries.shown_event(call.pool, path_id(call, "event_id"))
    return page(
        call,
        "event.html",
        headers=_shared(call),
        event=found,
        own=await _own_entries(call),
        look=found.organizer,
        public_url=call.service.settings.public_url,
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
    if "email" in call.sent:
        return await _join_by_email(call, key)
    if call.who is None:
        return go_to(of_list(LIST, key))
    await call.count_join()
    form, fan = call.sent, call.user
    contact = fan.contact
    if not spoken(contact.locale):  # then the language of the page is a better one
        contact = contact.model_copy(update={"locale": call.locale()})
    try:
        wish = _wish(form)
        await call.service.gate.join(
            key,
            Caller(fan.organization_id, "user"),
            user_id=fan.user_id,
            **wish._asdict(),
            contact=contact,
            quiet=not await call.may_mail(contact),
            network=call.service.limits.network(call.address),
            given=sent_solution(form),
        )
    except AlreadyInList:
        pass  # the button was pressed twice, or on two screens
    except InventoryNotFound:
        raise
    except Problem as problem:
        return await show_list_as_it_is(call, key, await own_entry(call, key), refusal=problem)
    return go_to(of_list(PLACE, key))


async def _join_by_email(call: PageRequest, key: ListKey) -> Response:
    """Join with an address alone, and go to the private link of the new place, which only this browser learns."""
    form, service = call.sent, call.service
    try:
        fan = await service.email_joins.fan(key, _contact(call))
        call.allow(await service.limits.join(fan.organization_id, fan.user_id, call.address))
        wish = _wish(form)
        # The page's script adds a number of its own, so that a press after an outage finds the place it made.
        once = _ONCE.fullmatch(form.get("once", "")) and Idempotency.of(
            caller=f"{fan.organization_id}\x00user\x00{fan.user_id}",
            key=f"page {form['once']} {wish}",
            request=f"{key} {wish}",
        )
        caller = Caller(fan.organization_id, FAN, once or None)
        place = await service.email_joins.join(
            key, caller, fan, wish, address=call.address, given=sent_solution(form)
        )
    except InventoryNotFound:
        raise
    except Problem as problem:
        return await show_list_as_it_is(call, key, None, refusal=problem)
    if place is not None:
        return go_to(place.link, NOT_REFERRED)
    show, _ = await list_queries.shown_list(call.pool, key)
    return page(
        call,
        "join_sent.html",
        page=of_list(LIST, key),
        show=show,
        look=show.look,
        timezone=show.timezone,
        email=fan.contact.email,
        minutes=int(SIGN_IN_TIME.total_seconds()) // 60,
    )


def _wish(form: Form) -> Wish:
    wanted = whole_number(form, "tickets_wanted")
    # An empty field means all tickets or none.
    minimum = whole_number(form, "tickets_minimum") if form.get("tickets_minimum") else wanted
    return Wish(wanted, minimum, "keep_waiting_for_rest" in form)


def _contact(call: PageRequest) -> ContactFields:
    try:
        return ContactFields(
            email=call.sent["email"].strip(), name=call.sent.get("name", "").strip() or None, locale=call.locale()
        )
    except ValidationError as error:
        field = error.errors()[0]["loc"][0]
        raise InvalidRequest.of("name" if field == "name" else "new_email", "is not valid") from None


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
    entries = [(entry, shows[_key(entry)]) for entry in found.items]
    look = entries[0][1].look if entries else None
    return page(call, "my_lists.html", entries=entries, next_cursor=found.next_cursor, look=look)


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
    status, headers = (refusal.status, dict(refusal.headers)) if refusal else (200, {})
    return page(
        call,
        "list.html",
        status=status,
        headers=_shared(call) | headers,
        page=of_list(LIST, key),
        show=show,
        look=show.look,
        event=await catalogue_queries.linked_event(call.pool, key),
        rules=rules,
        entry=entry,
        timezone=show.timezone,
        # Where the form for an alert has nothing else to say.
        alert_email=call.user.contact.email if isinstance(call.who, User) else None,
        # A fan of another organization cannot join here.
        is_fan=call.who is not None and call.organization_id == show.organization_id,
        mails=call.service.settings.sends_mail,
        # The link of an e-mail brings the wish back.
        form=getattr(call, "sent", None) or {name: call.query_params.get(name) for name in Wish._fields},
        refusal=refusal,
        challenge=refusal.extra.get("challenge") if refusal else None,
        # After a refused solution the fan sends the next one by hand, because a page must not send itself for
        # ever.
        by_hand="challenge_solution" in getattr(call, "sent", {}),
        pace=throughput,
        turns=plot(throughput.fans, height=48),
        wait=wait,
        ends_at=rules.ends_at,
        public_url=call.service.settings.public_url,
        **{"asked": False, "wrong_email": False} | more,
    )


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


def _shared(call: PageRequest) -> dict[str, str]:
    """Return the headers that let caches keep the page, if the reader sent no cookie and no form."""
    return {} if call.cookies or call.method not in ("GET", "HEAD") else SHARED
