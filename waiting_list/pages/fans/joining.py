"""What the forms to join share: the tickets and the contact in a form, its number, and what comes after it."""

import re
from contextlib import suppress

from fastapi import Response
from pydantic import ValidationError

from waiting_list.access.email_joins import Wish
from waiting_list.access.email_sign_in import SIGN_IN
from waiting_list.access.user_tokens import User
from waiting_list.i18n import spoken
from waiting_list.lists.contact import Contact, ContactFields
from waiting_list.lists.engine import Caller
from waiting_list.lists.idempotency import Idempotency
from waiting_list.lists.models import FAN, ListKey
from waiting_list.lists.queries import lists as list_queries
from waiting_list.page_addresses import LIST, PLACE, of_list
from waiting_list.pages.forms import Form, sent_solution, whole_number
from waiting_list.pages.page import NOT_REFERRED, PageRequest, go_to, page
from waiting_list.problems import AlreadyInList, InvalidRequest

_ONCE = re.compile(r"[0-9a-f-]{8,40}")


def tickets_of(form: Form) -> Wish:
    """Return how many tickets a form asks for. Raises InvalidRequest."""
    wanted = whole_number(form, "tickets_wanted")
    # An empty field means all tickets or none.
    minimum = whole_number(form, "tickets_minimum") if form.get("tickets_minimum") else wanted
    return Wish(wanted, minimum, "keep_waiting_for_rest" in form)


def given_contact(call: PageRequest) -> ContactFields:
    """Return the address and the name in the sent form. Raises InvalidRequest."""
    try:
        return ContactFields(
            email=call.sent["email"].strip(), name=call.sent.get("name", "").strip() or None, locale=call.locale()
        )
    except ValidationError as error:
        field = error.errors()[0]["loc"][0]
        raise InvalidRequest.of("name" if field == "name" else "new_email", "is not valid") from None


def own_contact(call: PageRequest) -> Contact:
    """Return the contact of the signed-in fan, in a language that the service speaks."""
    contact = call.user.contact
    if not spoken(contact.locale):  # then the language of the page is a better one
        contact = contact.model_copy(update={"locale": call.locale()})
    return contact


def caller_once(form: Form, fan: User, what: str) -> Caller:
    """Return the caller who joins `what` by e-mail.

    The page's script adds a number of its own, so that a press after an outage finds the places it made.
    """
    once = _ONCE.fullmatch(form.get("once", "")) and Idempotency.of(
        caller=f"{fan.organization_id}\x00user\x00{fan.user_id}",
        key=f"page {form['once']} {what}",
        request=what,
    )
    return Caller(fan.organization_id, FAN, once or None)


async def letter_sent(call: PageRequest, key: ListKey, email: str | None) -> Response:
    """Return the page that says that a link went to the address."""
    show, _ = await list_queries.shown_list(call.pool, key)
    return page(
        call,
        "join_sent.html",
        page=of_list(LIST, key),
        show=show,
        look=show.look,
        timezone=show.timezone,
        email=email,
        minutes=int(SIGN_IN.total_seconds()) // 60,
    )


async def join_one(call: PageRequest, key: ListKey) -> Response:
    """Join one list at its end, and go to the place; without a signed-in fan, by the address in the form.

    Raises the problems of `verbs.join`, and InvalidRequest.
    """
    if "email" in call.sent:
        return await _join_by_email(call, key)
    await call.count_join()
    form, fan = call.sent, call.user
    contact = own_contact(call)
    with suppress(AlreadyInList):  # the button was pressed twice, or on two screens
        await call.service.gate.join(
            key,
            Caller(fan.organization_id, FAN),
            user_id=fan.user_id,
            **tickets_of(form)._asdict(),
            contact=contact,
            quiet=not await call.letter(contact).may_go(),
            network=call.service.limits.network(call.address),
            given=sent_solution(form),
        )
    return go_to(of_list(PLACE, key))


async def _join_by_email(call: PageRequest, key: ListKey) -> Response:
    """Join with an address alone, and go to the private link of the new place, which only this browser learns."""
    form, service = call.sent, call.service
    fan, rule = await service.email_joins.fan(key, given_contact(call))
    call.allow(await service.limits.join(fan.organization_id, fan.user_id, call.address))
    wish = tickets_of(form)
    caller = caller_once(form, fan, f"{key} {wish}")
    place = await service.email_joins.join(
        key, caller, fan, wish, rule=rule, address=call.address, given=sent_solution(form)
    )
    if place is None:
        return await letter_sent(call, key, fan.contact.email)
    return go_to(place.link, NOT_REFERRED)
