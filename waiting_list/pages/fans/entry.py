"""The pages of an entry: what its fan sees, and can do, in their language, with or without scripts.

A router takes them all with `add_place_pages`, and says in its PlaceRoute how the place is found: by a private
link, or by who is signed in. A GET changes nothing, whoever fetches the links of an e-mail. Every verb is told the
number of this very entry: it never touches a later one of the same user. Whatever is refused is a page, too.
"""

import hmac
from abc import ABC, abstractmethod
from functools import partial
from typing import Any, ClassVar

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.access.private_links import verification_code
from waiting_list.access.user_tokens import User
from waiting_list.lists import verbs
from waiting_list.lists.contact import KeptContact
from waiting_list.lists.engine import Caller, Verb
from waiting_list.lists.list_settings import AfterExpiry
from waiting_list.lists.models import FAN, Entry, LeftReason, Status
from waiting_list.lists.queries.entry_details import EntryDetails, set_subscribed
from waiting_list.lists.queries.wait_estimate import estimate_wait
from waiting_list.notifications.suppressions import (
    as_it_is,
    code_hash,
    is_suppressed,
    lift,
    mailbox_hash,
    suppress,
)
from waiting_list.page_addresses import buy_link
from waiting_list.pages.bar_chart import plot
from waiting_list.pages.forms import read_form, whole_number
from waiting_list.pages.page import PageRequest, PageRoute, go_to, page
from waiting_list.problems import InternalError, InvalidRequest, NotFound, Problem
from waiting_list.web.server_sent_events import EntryStream, StreamResponse, event_id

_MOST_CHOICES = 12


class EntryPageRequest(PageRequest):
    """A call for a page of a place."""

    place: EntryDetails
    base: str = ""
    """The address of the place; its other pages stand under it. Empty until the call has passed the limits."""
    route: "EntryPageRoute"

    @property
    def state_shown(self) -> str:
        """What a form about giving up is about."""
        return f"{self.place.entry.number} {self.place.entry.status}"

    async def run(self, verb: Verb, **arguments: Any) -> None:
        """Run a verb for this very entry, on behalf of its fan."""
        place = self.place
        entry = {"user_id": place.user_id, "number": place.entry.number}
        await self.engine.run(place.key, Caller(place.organization_id, FAN), verb, **entry, **arguments)


class EntryPageRoute(PageRoute, ABC):
    """A page of a place, which is found before anything else is looked at."""

    call_class = EntryPageRequest
    headers: ClassVar[dict[str, str]] = {}
    """Of its pages, besides those of all."""

    @abstractmethod
    def address(self, call: EntryPageRequest) -> str:
        """The address of the place that the call is about. Raises NotFound."""

    @abstractmethod
    async def find(self, call: EntryPageRequest) -> EntryDetails:
        """The place that the call is about, as it is now. Raises NotFound, Unavailable."""

    def locate(self, call: EntryPageRequest) -> None:
        """Notes where the place is: whatever is refused from now on is shown there."""
        call.route = self
        call.base = self.address(call)

    async def admit(self, call: EntryPageRequest) -> Response | None:
        """Finds the place."""
        self.locate(call)
        call.place = await self.find(call)
        return None

    async def refused(self, call: EntryPageRequest, problem: Problem) -> Response:
        """The place as it is now, with what was refused above it; where there is none, a page of its own."""
        if not call.base or isinstance(problem, NotFound | InternalError):
            return self.nothing(call, problem)
        try:
            call.place = await self.find(call)
        except Problem as other:
            return self.nothing(call, other)
        return await _shown(call, refusal=problem)

    def nothing(self, call: EntryPageRequest, problem: Problem) -> Response:
        """The page where no place is to be seen."""
        headers = self.headers | dict(problem.headers)
        return page(call, "sorry.html", status=problem.status, headers=headers, problem=problem)


async def show(call: EntryPageRequest) -> Response:
    """The place as it is now; also for who reloads what a refused form has answered."""
    return await _shown(call)


async def watch(call: EntryPageRequest) -> Response:
    """The place whenever it changes, as server-sent events (web/server_sent_events.py). Raises NotFound where its
    fan has a later one: that is none of this one's business, and least of all its purchase pass."""
    place = call.place
    if place.rejoined:
        raise NotFound("This entry has ended: the fan has a newer one.")
    who = call.who if isinstance(call.who, User) else None  # a private link is good without signing in
    watcher = await call.live.watch(
        place.key,
        place.user_id,
        organization_id=place.organization_id,
        has_ended=who and partial(call.service.user_tokens.has_ended, who),
    )
    return StreamResponse(
        EntryStream(
            call.live,
            place.key,
            watcher,
            last_event_id=call.headers.get("last-event-id"),
            with_pass=call.service.purchase_passes.with_pass,
            number=place.entry.number,
        )
    )


async def change(call: EntryPageRequest) -> Response:
    """Asks for more or fewer tickets."""
    form = await read_form(call)
    before, wanted = call.place.entry, whole_number(form, "tickets_wanted")
    # Left empty: all or nothing.
    minimum = whole_number(form, "tickets_minimum") if form.get("tickets_minimum") else wanted
    if wanted < minimum == before.tickets_minimum < before.tickets_wanted:
        minimum = wanted  # as the form had it: who asks for fewer need not change both fields
    await call.run(verbs.change, tickets_wanted=wanted, tickets_minimum=minimum)
    return _back(call)


async def ask_to_leave(call: EntryPageRequest) -> Response:
    """Asks whether the place, or what is held, is really to be given up."""
    return await _shown(call, "link.html" if call.place.why_over else "leave.html")


async def leave(call: EntryPageRequest) -> Response:
    """Gives up the place, or what is held: whatever the fan was asked about. Where that has become something else,
    a turn above all, or the form does not say what it was, they are asked again."""
    form = await read_form(call)
    if form.get("shown") != call.state_shown and not call.place.why_over:
        return await ask_to_leave(call)
    await call.run(verbs.leave)
    return _back(call)


async def ask_to_verify(call: EntryPageRequest) -> Response:
    """A button: what scans e-mails fetches links, and must not verify anything."""
    await _check_code(call)
    asked = call.place.entry.status is not Status.LEFT and not call.place.contact.email_verified
    return await _shown(call, "verify.html" if asked else "link.html")


async def verify(call: EntryPageRequest) -> Response:
    """The address is the fan's: they got this link there."""
    await call.run(verbs.verify, email=await _check_code(call))
    return _back(call)


async def ask_to_unsubscribe(call: EntryPageRequest) -> Response:
    """A button, as for all that changes something."""
    return await _shown(call, "unsubscribe.html" if (await _contact(call)).subscribed else "link.html")


async def unsubscribe(call: EntryPageRequest) -> Response:
    """No more e-mails: of the organization to this mailbox, by the link in a letter to it or where the address is
    verified; else about this place. A mail program that does so with one click (RFC 8058) says so in a body, of
    either form, and must not be redirected."""
    await _subscribe(call, subscribed=False)
    return await _shown(call) if b"List-Unsubscribe" in await call.body() else _back(call)


async def subscribe(call: EntryPageRequest) -> Response:
    """E-mails again. Raises InvalidRequest where the mailbox wants none of the organization, and who asks has not
    shown that it is theirs."""
    await _subscribe(call, subscribed=True)
    return _back(call)


_PAGES = (
    ("", "GET", show),
    (to.CHANGE, "GET", show),
    (to.SUBSCRIBE, "GET", show),
    (to.LIVE, "GET", watch),
    (to.CHANGE, "POST", change),
    (to.LEAVE, "GET", ask_to_leave),
    (to.LEAVE, "POST", leave),
    (to.VERIFY, "GET", ask_to_verify),
    (to.VERIFY, "POST", verify),
    (to.UNSUBSCRIBE, "GET", ask_to_unsubscribe),
    (to.UNSUBSCRIBE, "POST", unsubscribe),
    (to.SUBSCRIBE, "POST", subscribe),
    (to.UNSUBSCRIBE + to.WITH_MAIL_CODE, "GET", ask_to_unsubscribe),
    (to.UNSUBSCRIBE + to.WITH_MAIL_CODE, "POST", unsubscribe),
    (to.SUBSCRIBE + to.WITH_MAIL_CODE, "GET", show),
    (to.SUBSCRIBE + to.WITH_MAIL_CODE, "POST", subscribe),
)


def add_entry_pages(router: APIRouter, path: str) -> None:
    """Adds the pages of a place, which is at `path`, to a router of a PlaceRoute."""
    for further, method, handler in _PAGES:
        router.add_api_route(path + further, handler, methods=[method])


async def _subscribe(call: EntryPageRequest, *, subscribed: bool) -> None:
    place, pool = call.place, call.pool
    secret = await call.service.signing_keys.derived_secret()
    meant = await _spoken_for(call)
    email, organization_id = place.contact.email, place.organization_id
    own = mailbox_hash(secret, organization_id, email) if email else None
    if subscribed and email and meant is None and await is_suppressed(pool, secret, organization_id, email):
        raise InvalidRequest.of("address", "has unsubscribed, and is not verified")
    if meant and subscribed:
        await lift(pool, organization_id, meant)
    elif meant:
        await suppress(pool, organization_id, meant, now=place.now)
    # The letter may have gone to an address that the entry has no more: that says nothing of its present one.
    if meant in (None, own):
        await set_subscribed(pool, place.key, place.entry.number, subscribed=subscribed, now=place.now)
    call.place = await call.route.find(call)


async def _spoken_for(call: EntryPageRequest) -> bytes | None:
    """The hash of the mailbox that whoever calls has shown to be theirs: by the code of a letter to it, or since
    the address is verified."""
    place, email = call.place, call.place.contact.email
    secret = await call.service.signing_keys.derived_secret()
    if hashed := code_hash(secret, place.organization_id, call.path_params.get("mail_code", "")):
        return hashed
    if email is None or not place.contact.email_verified:
        return None
    return mailbox_hash(secret, place.organization_id, email)


async def _contact(call: EntryPageRequest) -> KeptContact:
    """How the fan is reached, and whether the mailbox wants to be."""
    place, secret = call.place, await call.service.signing_keys.derived_secret()
    return await as_it_is(call.pool, secret, place.organization_id, place.contact)


async def _check_code(call: EntryPageRequest) -> str:
    """The address that the link's code is for. Raises InvalidRequest if that is not the entry's by now."""
    place = call.place
    email = place.contact.email
    if email is not None:
        secret = await call.service.signing_keys.derived_secret()
        code = verification_code(secret, place.key.list_id, place.entry.number, email)
        if hmac.compare_digest(code.encode(), call.path_params["code"].encode(errors="replace")):
            return email
    raise InvalidRequest.of("code", "is not the code for the address of this entry")


def _back(call: EntryPageRequest) -> Response:
    return go_to(call.base, call.route.headers)


async def _shown(
    call: EntryPageRequest, template: str = "link.html", *, refusal: Problem | None = None
) -> Response:
    place = call.place
    entry = await call.with_pass(place.entry)
    why = place.why_over
    throughput, wait = await call.reads.throughput(place.key), None
    if entry.tickets_ahead is not None:
        wait = estimate_wait(throughput, tickets_ahead=entry.tickets_ahead, tickets_wanted=entry.tickets_wanted)
    rules = place.settings
    requeued = (
        why is LeftReason.EXPIRED and entry.status is Status.READY and rules.after_expiry is AfterExpiry.REQUEUE
    )
    status, headers = (refusal.status, dict(refusal.headers)) if refusal else (200, {})
    return page(
        call,
        template,
        status=status,
        headers=call.route.headers | headers,
        locale=call.locale(place.contact.locale),
        page=call.base,
        place=place,
        entry=entry,
        seen=event_id(entry),
        shown=call.state_shown,
        contact=await _contact(call),
        everywhere=await _spoken_for(call) is not None,
        rules=rules,
        timezone=place.timezone,
        why=why,
        requeued=place.rejoined or requeued,
        address=_masked(place.contact.email),
        buy_link=buy_link(rules.purchase_url, entry.purchase_pass, entry.tickets_held),
        fewer=_fewer(rules.purchase_url, entry),
        code=call.path_params.get("code"),
        mail_code=call.path_params.get("mail_code"),
        refusal=refusal,
        pace=throughput,
        turns=plot(throughput.fans, height=48),
        wait=wait,
    )


def _fewer(purchase_url: str | None, entry: Entry) -> list[tuple[int, str]]:
    """Where to buy fewer tickets than are held, and how many; nothing where the shop's address cannot say so."""
    if purchase_url is None or "{tickets}" not in purchase_url:
        return []
    fewer = range(max(1, entry.tickets_held - _MOST_CHOICES), entry.tickets_held)
    links = [(tickets, buy_link(purchase_url, entry.purchase_pass, tickets)) for tickets in fewer]
    return [(tickets, link) for tickets, link in links if link is not None]


def _masked(email: str | None) -> str | None:
    """Enough to know one's own address by: a link is forwarded sometimes."""
    if email is None:
        return None
    name, _, domain = email.rpartition("@")
    return f"{name[0]}…@{domain}"
