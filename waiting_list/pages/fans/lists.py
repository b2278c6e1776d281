"""The pages of fans: what there is to wait for, one list with its rules, joining it, their place, all of their
lists.

Fans are known by a cookie that holds a user token, as shops mint them: so a page can do what its fan could do
through the user router, and nothing else.
"""

from contextlib import suppress

from fastapi import APIRouter, Response

from waiting_list.access.user_tokens import User
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.lists.engine import Caller
from waiting_list.lists.models import Entry, ListKey, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.entry_details import EntryDetails, read_entry_details
from waiting_list.lists.queries.wait_estimate import estimate_wait
from waiting_list.page_addresses import HOME, JOIN, LIST, MY_LISTS, PLACE, SIGN_IN, of_list
from waiting_list.pages.bar_chart import plot
from waiting_list.pages.fans.entry import EntryPageRequest, EntryPageRoute, add_entry_pages
from waiting_list.pages.forms import sign_forms, whole_number
from waiting_list.pages.page import FAN_COOKIE, SHARED, PageRequest, PageRoute, go_to, page, sent_solution
from waiting_list.problems import (
    AlreadyInList,
    Forbidden,
    InventoryNotFound,
    NotFound,
    NotInList,
    Problem,
    Unauthenticated,
)
from waiting_list.web.parameters import is_id, path_key

_EVENTS = 20
_LISTS = 50


async def admit_fan(call: PageRequest) -> None:
    """Knows who is signed in, if anybody is, and checks what they send. Raises Forbidden, InvalidRequest,
    Unavailable."""
    token = call.cookie(FAN_COOKIE)
    if token is not None:
        with suppress(Unauthenticated, Forbidden):  # it has expired, say: then nobody is
            call.who = await call.service.authenticator.user(f"Bearer {token}")
            call.count()
    await sign_forms(call, token if call.who else None)


class FanRoute(PageRoute):
    """A page for anybody, on which a fan may be signed in."""

    async def admit(self, call: PageRequest) -> Response | None:
        await admit_fan(call)
        return None


class FanEntryRoute(EntryPageRoute):
    """A page about the place of the fan who is signed in; to the list's own page where there is none."""

    async def admit(self, call: EntryPageRequest) -> Response | None:
        self.locate(call)
        await admit_fan(call)
        the_list = of_list(LIST, path_key(call))
        if call.who is None:
            return go_to(the_list)
        try:
            return await super().admit(call)
        except NotInList:
            return go_to(the_list)

    async def refused(self, call: EntryPageRequest, problem: Problem) -> Response:
        return self.nothing(call, problem) if call.who is None else await super().refused(call, problem)

    def address(self, call: EntryPageRequest) -> str:
        return of_list(PLACE, path_key(call))

    async def find(self, call: EntryPageRequest) -> EntryDetails:
        key = path_key(call)
        entry = await call.reads.entry(key, call.user.user_id, organization_id=call.organization_id)
        place = await read_entry_details(call.pool, key.list_id, entry.number)
        if place is None:
            raise NotInList("This user has never joined this list.")
        return place


router = APIRouter(route_class=FanRoute, include_in_schema=False)
place_router = APIRouter(route_class=FanEntryRoute, include_in_schema=False)
add_entry_pages(place_router, PLACE)


@router.get(HOME)
async def show_events(call: PageRequest) -> Response:
    """What there is to wait for: events to come, their dates and ticket types, and how long each list is."""
    organization_ids = call.query_params.getlist("organization_id") or None
    for one in organization_ids or ():
        if not is_id(one):
            raise NotFound("This page does not exist.")
    found = await catalogue_queries.upcoming_events(
        call.pool, organization_ids, limit=_EVENTS, cursor=call.query_params.get("cursor")
    )
    return page(
        call,
        "events.html",
        headers=_shared(call),
        events=found.items,
        next_cursor=found.next_cursor,
        organization_ids=organization_ids or [],
    )


@router.get(LIST)
async def show_list(call: PageRequest) -> Response:
    """One list: whether it is open, how long it is, its rules, and joining it."""
    key = path_key(call)
    entry = await _own_entry(call, key)
    if entry is not None and entry.status is not Status.LEFT:
        return go_to(of_list(PLACE, key))
    return await _list(call, key, entry)


@router.get(JOIN)
async def show_list_again(call: PageRequest) -> Response:
    """For who reloads what a refused form has answered."""
    return go_to(of_list(LIST, path_key(call)))


@router.post(JOIN)
async def join(call: PageRequest) -> Response:
    """Takes the last place in the list."""
    key = path_key(call)
    if call.who is None:
        return go_to(of_list(LIST, key))
    await call.count_join()
    form, fan = call.sent, call.user
    contact = fan.contact if fan.contact.locale else fan.contact.model_copy(update={"locale": call.locale()})
    try:
        wanted = whole_number(form, "tickets_wanted")
        # Left empty: all or nothing.
        minimum = whole_number(form, "tickets_minimum") if form.get("tickets_minimum") else wanted
        await call.service.gate.join(
            key,
            Caller(fan.organization_id, "user"),
            user_id=fan.user_id,
            tickets_wanted=wanted,
            tickets_minimum=minimum,
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
        return await _list(call, key, await _own_entry(call, key), refusal=problem)
    return go_to(of_list(PLACE, key))


@router.get(MY_LISTS)
async def show_my_lists(call: PageRequest) -> Response:
    """All of a fan's places, the newest first."""
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
    return page(call, "my_lists.html", entries=entries, next_cursor=found.next_cursor)


async def _own_entry(call: PageRequest, key: ListKey) -> Entry | None:
    if not isinstance(call.who, User):
        return None
    with suppress(NotInList, InventoryNotFound):  # the latter: the list is another organization's
        return await call.reads.entry(key, call.user.user_id, organization_id=call.organization_id)
    return None


async def _list(
    call: PageRequest, key: ListKey, entry: Entry | None, *, refusal: Problem | None = None
) -> Response:
    show, rules = await list_queries.shown_list(call.pool, key)
    throughput = await call.reads.throughput(key)
    # What who joins now would wait: behind everybody, for one ticket.
    wait = estimate_wait(throughput, tickets_ahead=rules.tickets_waiting, tickets_wanted=1) if rules.open else None
    status, headers = (refusal.status, dict(refusal.headers)) if refusal else (200, {})
    return page(
        call,
        "list.html",
        status=status,
        headers=_shared(call) | headers,
        page=of_list(LIST, key),
        show=show,
        rules=rules,
        entry=entry,
        timezone=show.timezone,
        # Of somebody who is signed in with another organization, there is no place here.
        is_fan=call.who is not None and call.organization_id == show.organization_id,
        mails=call.service.settings.sends_mail,
        form=getattr(call, "sent", {}),
        refusal=refusal,
        challenge=refusal.extra.get("challenge") if refusal else None,
        # Once a solution was refused, the next one waits for the fan: a page must not send itself for ever.
        by_hand="challenge_solution" in getattr(call, "sent", {}),
        pace=throughput,
        turns=plot(throughput.fans, height=48),
        wait=wait,
        ends_at=rules.ends_at,
    )


def _key(entry: Entry) -> ListKey:
    return ListKey(entry.offer_id, entry.representation_id)


def _shared(call: PageRequest) -> dict[str, str]:
    """A page without anything personal is the same for all who send no cookie."""
    return {} if call.cookies else SHARED
