"""The forms with which a fan gives a phone number, confirms it with the code that it got, and takes it back."""

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list.access.private_links import make_link
from waiting_list.notifications import phones
from waiting_list.notifications.phones import PhoneNumber
from waiting_list.pages.fans.entry import EntryPageRequest, show
from waiting_list.pages.forms import read_form
from waiting_list.pages.page import go_to
from waiting_list.problems import InvalidRequest

TEXTS = "#texts"
"""Where the page shows these forms."""


async def give(call: EntryPageRequest) -> Response:
    """Keep the phone number of an entry that is in the list, and send it a code.

    Raises InvalidRequest, RateLimited, Unavailable.
    """
    form, place = await read_form(call), call.place
    call.typed = form.get("phone", "").strip()
    locale = call.locale(place.contact.locale)
    try:
        given = PhoneNumber(phone=call.typed, locale=locale)
    except ValidationError:
        raise InvalidRequest.of("body.phone", "must be a mobile number") from None
    if place.why_over is None:
        by_link = call.base.startswith(to.PRIVATE_LINKS)
        if not by_link:
            # What is written to fans is read from the row of their contact, which this makes where there is none.
            secret = await call.service.signing_keys.derived_secret()
            await make_link(call.pool, secret, place.key, place.entry.number)
        await phones.set_phone(
            call.pool,
            call.service.mail_limits,
            place.key,
            place.entry.number,
            given,
            by_link=by_link,
            address=call.address,
        )
        call.engine.wake.set()
    return _back(call)


async def confirm(call: EntryPageRequest) -> Response:
    """Verify the phone number with the code that it got. Raises InvalidRequest, Unavailable."""
    form, place = await read_form(call), call.place
    secret = await call.service.signing_keys.derived_secret()
    await phones.verify_phone(call.pool, secret, place.key, place.entry.number, form.get("code", "")[:40])
    return _back(call)


async def stop(call: EntryPageRequest) -> Response:
    """Forget the phone number of the entry. Raises Unavailable."""
    await phones.remove_phone(call.pool, call.place.key, call.place.entry.number)
    return _back(call)


def add_phone_forms(router: APIRouter, path: str) -> None:
    """Add the forms of the entry at `path` to a router whose route is an EntryPageRoute."""
    for further, handler in ((to.PHONE, give), (to.PHONE_CODE, confirm), (to.PHONE_STOP, stop)):
        router.add_api_route(path + further, show, methods=["GET"])
        router.add_api_route(path + further, handler, methods=["POST"])


def _back(call: EntryPageRequest) -> Response:
    return go_to(call.base + TEXTS, call.route.headers)
