"""The pages of an entry: show it, and let its fan change it, in the fan's language, with or without scripts.

`add_entry_pages` adds them to a router. The router's EntryPageRoute finds the entry: by a private link, or by the
signed-in fan. A GET changes no data, because scanners of e-mails open links. Every verb gets the number of the
entry, so that it never changes a later entry of the same user. A refusal is a page, too.
"""

import hmac
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.access.private_links import verification_code
from waiting_list.access.user_tokens import User
from waiting_list.email_addresses import masked
from waiting_list.i18n import spoken_of
from waiting_list.ledger.receipts import proven_changes
from waiting_list.lists import verbs
from waiting_list.lists.contact import KeptContact
from waiting_list.lists.engine import Caller, Verb
from waiting_list.lists.models import FAN, Answer, Entry, LeftReason, Status
from waiting_list.lists.queries.entry_details import EntryDetails, set_subscribed
from waiting_list.lists.queries.wait_estimate import estimate_wait
from waiting_list.lists.setting_values import AfterExpiry
from waiting_list.notifications.suppressions import (
    code_hash,
    is_suppressed,
    lift_suppression,
    mailbox_hash,
    suppress,
    with_suppression,
)
from waiting_list.pages.bar_chart import plot
from waiting_list.pages.fans.own_wish import of_wish, run_in_others
from waiting_list.pages.forms import read_form, whole_number
from waiting_list.pages.page import PageRequest, PageRoute, go_to, page
from waiting_list.problems import InternalError, InvalidRequest, NotFound, Problem
from waiting_list.web.server_sent_events import event_id

_MOST_CHOICES = 12


class EntryPageRequest(PageRequest):
    """A request for a page of an entry."""

    place: EntryDetails
    base: str = ""
    """The address of the entry; its other pages are below it. Empty until the request has passed the limits."""
    route: "EntryPageRoute"
    shared: bool = False
    """Whether the reader is a person with whom the fan shares the place."""

    @property
    def state_shown(self) -> str:
        """The entry and status that a form to leave was made for."""
        return f"{self.place.entry.number} {self.place.entry.status}"

    async def run(self, verb: Verb, *, preview: bool = False, **arguments: Any) -> Answer:
        """Run a verb for exactly this entry, on behalf of its fan; or only find out what it would do."""
        place = self.place
        entry = {"user_id": place.user_id, "number": place.entry.number}
        engine = self.engine.preview if preview else self.engine
        return await engine.run(place.key, Caller(place.organization_id, FAN), verb, **entry, **arguments)


class EntryPageRoute(PageRoute, ABC):
    """A page of an entry. The route finds the entry first."""

    call_class = EntryPageRequest
    headers: ClassVar[dict[str, str]] = {}
    """The headers of its pages, besides those of all pages."""

    @abstractmethod
    def address(self, call: EntryPageRequest) -> str:
        """Return the address of the requested entry. Raises NotFound."""

    @abstractmethod
    async def find(self, call: EntryPageRequest) -> EntryDetails:
        """Return the requested entry as it is now. Raises NotFound, Unavailable."""

    def locate(self, call: EntryPageRequest) -> None:
        """Store the address of the entry, so that later refusals appear on its page."""
        call.route = self
        call.base = self.address(call)

    async def admit(self, call: EntryPageRequest) -> Response | None:
        """Find the entry."""
        self.locate(call)
        call.place = await self.find(call)
        return None

    async def refused(self, call: EntryPageRequest, problem: Problem) -> Response:
        """Show the refusal above the current entry, or alone if no entry was found."""
        if not call.base or isinstance(problem, NotFound | InternalError):
            return self.without_entry(call, problem)
        try:
            call.place = await self.find(call)
        except Problem as other:
            return self.without_entry(call, other)
        return await show_page(call, refusal=problem)

    def without_entry(self, call: EntryPageRequest, problem: Problem) -> Response:
        """Show a refusal without an entry."""
        headers = self.headers | dict(problem.headers)
        return page(call, "sorry.html", status=problem.status, headers=headers, problem=problem)


async def show(call: EntryPageRequest) -> Response:
    """Show the entry; also after a reload of a refused form. After a change, offer to undo it while that works."""
    undo = call.query_params.get("undo")
    try:
        if undo and call.place.entry.status is Status.WAITING and not call.place.why_over:
            await call.run(verbs.undo, preview=True, undo=undo)
            return await show_page(call, undo=undo)
    except Problem:
        pass  # it is too late
    return await show_page(call)


async def change(call: EntryPageRequest) -> Response:
    """Change the wanted tickets; of a ready entry, give up the rest.

    If the change would cost places in line, show exactly how many first, and ask.
    """
    form = await read_form(call)
    # The form of a fan who waited when it was made asks for tickets, and is refused.
    if call.place.entry.status is Status.READY and "tickets_wanted" not in form:
        await call.run(verbs.change, keep_waiting_for_rest=False)
        return _back(call)
    before, wanted = call.place.entry, whole_number(form, "tickets_wanted")
    # An empty field means all tickets or none.
    minimum = whole_number(form, "tickets_minimum") if form.get("tickets_minimum") else wanted
    if wanted < minimum == before.tickets_minimum < before.tickets_wanted:
        minimum = wanted  # unchanged in the form, so that a fan who wants fewer changes one field only
    keeps = "keep_waiting_for_rest" in form
    wish: dict[str, Any] = {
        "tickets_wanted": wanted,
        "tickets_minimum": minimum,
        "keep_waiting_for_rest": keeps,
    }
    change_shown = f"{call.state_shown} {before.tickets_wanted}"
    if wanted > before.tickets_wanted and form.get("shown") != change_shown:
        would = (await call.run(verbs.change, preview=True, **wish)).entry
        if would and would.position and before.position and would.position > before.position:
            return await show_page(call, "change.html", would=would, change_shown=change_shown)
    done = await call.run(verbs.change, **wish)
    return _back(call, f"?undo={done.undo}" if done.undo else "")


async def undo(call: EntryPageRequest) -> Response:
    """Undo the change that this visitor has just made, exactly, or refuse it."""
    await call.run(verbs.undo, undo=(await read_form(call)).get("undo", ""))
    return _back(call)


async def pause(call: EntryPageRequest) -> Response:
    """Pause the place, which the fan keeps; or end the pause."""
    await call.run(verbs.unpause if call.scope["path"].endswith(to.RESUME) else verbs.pause)
    return _back(call)


async def ask_to_leave(call: EntryPageRequest) -> Response:
    """Ask the fan to confirm leaving the list, or releasing the held tickets."""
    return await show_page(call, "link.html" if call.place.why_over else "leave.html")


async def leave(call: EntryPageRequest) -> Response:
    """Leave the list, or release the held tickets.

    If the entry has changed since the question, for example became ready, ask again; also if the form does not say
    what it was made for.
    """
    form = await read_form(call)
    if form.get("shown") != call.state_shown and not call.place.why_over:
        return await ask_to_leave(call)
    await call.run(verbs.leave)
    return _back(call)


async def ask_to_give_back(call: EntryPageRequest) -> Response:
    """Ask the fan to confirm giving back some of the held tickets."""
    tickets, entry = whole_number(call.path_params, "tickets"), call.place.entry
    asked = entry.status is Status.READY and not call.place.why_over and 1 <= tickets < entry.tickets_held
    return await show_page(call, "give_back.html" if asked else "link.html", tickets=tickets)


async def give_back(call: EntryPageRequest) -> Response:
    """Give back some of the held tickets. If the hold has changed since the question, ask again; also if the form
    does not say what it was made for."""
    form = await read_form(call)
    if form.get("shown") != f"{call.state_shown} {call.place.entry.tickets_held}" and not call.place.why_over:
        return await ask_to_give_back(call)
    await call.run(verbs.give_back, quantity=whole_number(call.path_params, "tickets"))
    return _back(call)


async def ask_to_verify(call: EntryPageRequest) -> Response:
    """Show a button that verifies the address, because scanners of e-mails open links and must not verify."""
    await check_code(call)
    asked = call.place.entry.status is not Status.LEFT and not call.place.contact.email_verified
    return await show_page(call, "verify.html" if asked else "link.html")


async def verify(call: EntryPageRequest) -> Response:
    """Verify the address, of all places of a wish: the fan got this link there."""
    email = await check_code(call)
    await call.run(verbs.verify, email=email)
    await run_in_others(call, call.place, verbs.verify, email=email)
    return _back(call)


async def ask_to_unsubscribe(call: EntryPageRequest) -> Response:
    """Show a button to unsubscribe, because a GET changes no data."""
    return await show_page(call, "unsubscribe.html" if (await _contact(call)).subscribed else "link.html")


async def unsubscribe(call: EntryPageRequest) -> Response:
    """Unsubscribe the mailbox from all e-mails of the organization, or only from those about this entry.

    The former needs the code of an e-mail to the mailbox, or a verified address. Mail programs that unsubscribe
    with one click (RFC 8058) send a body of either form type, and must not be redirected.
    """
    await _subscribe(call, subscribed=False)
    return await show_page(call) if b"List-Unsubscribe" in await call.body() else _back(call)


async def subscribe(call: EntryPageRequest) -> Response:
    """Subscribe again.

    Raises InvalidRequest if the mailbox has unsubscribed from the organization, and the caller has not shown that
    the mailbox is theirs.
    """
    await _subscribe(call, subscribed=True)
    return _back(call)


_PAGES = (
    ("", "GET", show),
    (to.CHANGE, "GET", show),
    (to.SUBSCRIBE, "GET", show),
    (to.CHANGE, "POST", change),
    (to.UNDO, "GET", show),
    (to.UNDO, "POST", undo),
    (to.PAUSE, "GET", show),
    (to.PAUSE, "POST", pause),
    (to.RESUME, "GET", show),
    (to.RESUME, "POST", pause),
    (to.LEAVE, "GET", ask_to_leave),
    (to.LEAVE, "POST", leave),
    (to.GIVE_BACK, "GET", ask_to_give_back),
    (to.GIVE_BACK, "POST", give_back),
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
    """Add the pages of the entry at `path` to a router whose route is an EntryPageRoute."""
    for further, method, handler in _PAGES:
        router.add_api_route(path + further, handler, methods=[method])


async def _subscribe(call: EntryPageRequest, *, subscribed: bool) -> None:
    place, pool = call.place, call.pool
    secret = await call.service.signing_keys.derived_secret()
    meant = await _proven_mailbox(call)
    email, organization_id = place.contact.email, place.organization_id
    own = mailbox_hash(secret, organization_id, email) if email else None
    if subscribed and email and meant is None and await is_suppressed(pool, secret, organization_id, email):
        raise InvalidRequest.of("address", "has unsubscribed, and is not verified")
    if meant and subscribed:
        await lift_suppression(pool, organization_id, meant)
    elif meant:
        await suppress(pool, organization_id, meant, now=place.now)
    # The code may come from an e-mail to an earlier address of the entry. It is no proof for the present one.
    if meant in (None, own):
        await set_subscribed(pool, place.key, place.entry.number, subscribed=subscribed, now=place.now)
    call.place = await call.route.find(call)


async def _proven_mailbox(call: EntryPageRequest) -> bytes | None:
    """Return the hash of the mailbox that the caller has shown to be theirs; None without such a proof.

    The proof is the code of an e-mail to the mailbox, or a verified address.
    """
    place, email = call.place, call.place.contact.email
    secret = await call.service.signing_keys.derived_secret()
    if hashed := code_hash(secret, place.organization_id, call.path_params.get("mail_code", "")):
        return hashed
    if email is None or not place.contact.email_verified:
        return None
    return mailbox_hash(secret, place.organization_id, email)


async def _contact(call: EntryPageRequest) -> KeptContact:
    """Return the contact, with `subscribed` false if the mailbox has unsubscribed."""
    place, secret = call.place, await call.service.signing_keys.derived_secret()
    return await with_suppression(call.pool, secret, place.organization_id, place.contact)


async def _own_code(call: EntryPageRequest) -> str | None:
    """Return the code that verifies the address, if its fan joined by e-mail and has signed in with it since."""
    place, who = call.place, call.who
    signed_in = place.by_email and isinstance(who, User) and who.contact.vouches_for(place.contact)
    return await _code(call, place.contact.email or "") if signed_in else None


async def _code(call: EntryPageRequest, email: str) -> str:
    secret = await call.service.signing_keys.derived_secret()
    return verification_code(secret, call.place.key.list_id, call.place.entry.number, email)


async def check_code(call: EntryPageRequest) -> str:
    """Return the address that the code verifies. Raises InvalidRequest if it is no longer the entry's."""
    email, sent = call.place.contact.email, call.path_params["code"].encode(errors="replace")
    if email is not None and hmac.compare_digest((await _code(call, email)).encode(), sent):
        return email
    raise InvalidRequest.of("code", "is not the code for the address of this entry")


def _back(call: EntryPageRequest, query: str = "") -> Response:
    return go_to(call.base + query, call.route.headers)


async def show_page(
    call: EntryPageRequest, template: str = "link.html", *, refusal: Problem | None = None, **more: Any
) -> Response:
    place = call.place
    entry = await call.with_pass(place.entry)
    if call.shared:
        entry = entry.model_copy(update={"user_id": None})
    why = place.why_over
    throughput, wait = await call.reads.throughput(place.key), None
    if entry.tickets_ahead is not None:
        wait = estimate_wait(throughput, tickets_ahead=entry.tickets_ahead, tickets_wanted=entry.tickets_wanted)
    rules = place.settings
    requeues = rules.after_expiry is AfterExpiry.REQUEUE and (
        rules.requeue_limit is None or place.requeued < rules.requeue_limit
    )
    requeued = why is LeftReason.EXPIRED and entry.status is Status.READY and requeues
    is_proven = rules.public_ledger and not call.shared
    status, headers = (refusal.status, dict(refusal.headers)) if refusal else (200, {})
    return page(
        call,
        template,
        status=status,
        headers=call.route.headers | headers,
        locale=call.locale(place.contact.locale, spoken_of(place.look.languages)),
        page=call.base,
        push_key=(await call.service.signing_keys.keys()).push.public,
        place=place,
        look=place.look,
        entry=entry,
        seen=event_id(entry),
        shown=call.state_shown,
        contact=await _contact(call),
        everywhere=await _proven_mailbox(call) is not None,
        rules=rules,
        timezone=place.timezone,
        why=why,
        requeued=place.rejoined or requeued,
        address=masked(place.contact.email or None),
        shared=call.shared,
        buy_link=to.buy_link(rules.purchase_url, entry.purchase_pass, entry.tickets_held),
        fewer=_fewer(rules.purchase_url, entry),
        code=call.path_params.get("code"),
        own_code=await _own_code(call),
        mail_code=call.path_params.get("mail_code"),
        refusal=refusal,
        proofs=await proven_changes(call.pool, place.key, entry.number) if is_proven else (),
        pace=throughput,
        turns=plot(throughput.fans, height=48),
        wait=wait,
        most_choices=_MOST_CHOICES,
        **({"shared_link": None, "undo": None} | await of_wish(call, place, shared=call.shared) | more),
    )


def _fewer(purchase_url: str | None, entry: Entry) -> list[tuple[int, str]]:
    """Return numbers below the held tickets with their links to buy; none if `purchase_url` has no `{tickets}`."""
    if purchase_url is None or "{tickets}" not in purchase_url:
        return []
    fewer = range(max(1, entry.tickets_held - _MOST_CHOICES), entry.tickets_held)
    links = [(tickets, to.buy_link(purchase_url, entry.purchase_pass, tickets)) for tickets in fewer]
    return [(tickets, link) for tickets, link in links if link is not None]
