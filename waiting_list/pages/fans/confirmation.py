"""The forms of an entry that was joined by e-mail: send the e-mail again, correct the address, disown it."""

from fastapi import APIRouter, Response
from pydantic import TypeAdapter, ValidationError

from waiting_list import page_addresses as to
from waiting_list.access import private_links
from waiting_list.access.email_sign_in import fan_id
from waiting_list.fields import Email
from waiting_list.lists import verbs
from waiting_list.lists.contact import Contact
from waiting_list.lists.queries.wish_places import hand_over_wish
from waiting_list.pages.fans.entry import EntryPageRequest, ask_to_verify, check_code, show
from waiting_list.pages.fans.own_wish import run_in_others, unconfirmed_others
from waiting_list.pages.forms import read_form
from waiting_list.pages.page import go_to
from waiting_list.problems import InvalidRequest

_EMAIL: TypeAdapter[str] = TypeAdapter(Email)


async def send_again(call: EntryPageRequest) -> Response:
    """Send the e-mail with the link again, to the same address or to a corrected one. The entry keeps its place.

    With another address the entry has another private link, because the former mailbox has this one. The other
    places of a wish have the same address, and are corrected, too.
    """
    form, place, limits = await read_form(call), call.place, call.service.mail_limits
    try:
        email = _EMAIL.validate_python(form.get("email", "").strip())
    except ValidationError:
        raise InvalidRequest.of("new_email", "must be an e-mail address") from None
    if not place.by_email:
        raise InvalidRequest.of("code", "is not needed: the address is verified")
    secret = await call.service.signing_keys.derived_secret()
    contact = Contact(email=email, name=place.contact.name, locale=place.contact.locale)
    await limits.count_given(place.organization_id, place.user_id, email, call.address)
    new_user_id = fan_id(secret, place.organization_id, email)
    await call.run(verbs.correct_address, new_user_id=new_user_id, contact=contact)
    await run_in_others(call, place, verbs.correct_address, new_user_id=new_user_id, contact=contact)
    if wish_id := place.entry.wish_id:
        await hand_over_wish(call.pool, place.organization_id, wish_id, new_user_id)
    return await _new_link(call)


async def disown(call: EntryPageRequest) -> Response:
    """End the private link and every token of an entry that somebody else made with this address.

    The owner of the address leaves the list, or keeps the place alone. Only the e-mail has the code.
    """
    email, form, place = await check_code(call), await read_form(call), call.place
    others = await unconfirmed_others(call, place, email)
    if form.get("do") == "keep":
        await call.run(verbs.verify, email=email)
        await run_in_others(call, place, verbs.verify, others, email=email)
    else:
        if place.why_over is None:
            await call.run(verbs.leave)
        await run_in_others(call, place, verbs.leave, others)
    await private_links.revoke_link(call.pool, place.key, place.entry.number)
    for one in others:
        await private_links.revoke_link(call.pool, one.key, one.entry.number)
    await call.service.sign_outs.sign_out(place.organization_id, place.user_id)
    return await _new_link(call)


def add_confirmation_pages(router: APIRouter, path: str) -> None:
    """Add these pages of the entry at `path` to a router whose route is an EntryPageRoute."""
    router.add_api_route(path + to.SEND_AGAIN, show, methods=["GET"])
    router.add_api_route(path + to.SEND_AGAIN, send_again, methods=["POST"])
    router.add_api_route(path + to.NOT_ME, ask_to_verify, methods=["GET"])
    router.add_api_route(path + to.NOT_ME, disown, methods=["POST"])


async def _new_link(call: EntryPageRequest) -> Response:
    """Go to the private link that is valid now."""
    secret = await call.service.signing_keys.derived_secret()
    link = await private_links.make_link(call.pool, secret, call.place.key, call.place.entry.number)
    return go_to(link, call.route.headers)
