"""The pages with which a fan gives a place to another person, and with which that person takes it."""

from uuid import uuid4

from fastapi import APIRouter, Response
from pydantic import TypeAdapter, ValidationError

from waiting_list import page_addresses as to
from waiting_list.access.email_sign_in import fan_id
from waiting_list.access.private_links import make_link
from waiting_list.access.transfers import Offered, find_offer
from waiting_list.fields import Email
from waiting_list.i18n import spoken_of
from waiting_list.lists import verbs
from waiting_list.lists.engine import Caller
from waiting_list.lists.models import FAN
from waiting_list.pages.fans.entry import EntryPageRequest, show
from waiting_list.pages.fans.page import signed_in
from waiting_list.pages.forms import check_same_origin, read_form
from waiting_list.pages.page import NOT_REFERRED, PageRequest, PageRoute, go_to, page
from waiting_list.problems import InvalidRequest, NotFound, Problem, TransferNotAllowed

router = APIRouter(route_class=PageRoute, include_in_schema=False)
"""The pages that the letter links to: the code in the address is the credential."""
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)


async def offer(call: EntryPageRequest) -> Response:
    """Offer the place to the owner of an address, in the language of this page."""
    form, place, service = await read_form(call), call.place, call.service
    try:
        email = _EMAIL.validate_python(form.get("email", "").strip())
    except ValidationError:
        raise InvalidRequest.of("other_email", "must be an e-mail address") from None
    if not service.engine.sends_mail:
        raise TransferNotAllowed("This service sends no e-mails, so no place can be offered.")
    await service.mail_limits.count_given(place.organization_id, place.user_id, email, call.address)
    locale = call.locale(place.contact.locale, spoken_of(place.look.languages))
    await call.run(verbs.offer_transfer, offer=verbs.TransferOffer(uuid4(), email, locale))
    return go_to(call.base, call.route.headers)


async def take_back(call: EntryPageRequest) -> Response:
    """Take the offer back."""
    await call.run(verbs.take_transfer_back)
    return go_to(call.base, call.route.headers)


def add_transfer_forms(router: APIRouter, path: str) -> None:
    """Add the forms of the entry at `path` to a router whose route is an EntryPageRoute."""
    router.add_api_route(path + to.TRANSFER_OFFER, show, methods=["GET"])
    router.add_api_route(path + to.TRANSFER_OFFER, offer, methods=["POST"])
    router.add_api_route(path + to.TRANSFER_BACK, show, methods=["GET"])
    router.add_api_route(path + to.TRANSFER_BACK, take_back, methods=["POST"])


@router.get(to.TRANSFER)
async def ask_to_take(call: PageRequest) -> Response:
    """Show the offered place, with a button that takes it: scanners of e-mails open links and must take none."""
    return _shown(call, await _offered(call))


@router.post(to.TRANSFER)
async def take(call: PageRequest) -> Response:
    """Give the place to whoever has the link of the letter, and go to its private link, which is a new one.

    A fan who is signed in with this address keeps the user id of that sign-in.
    """
    check_same_origin(call, or_null=True)
    offered = await _offered(call)
    place, service = offered.place, call.service
    secret = await service.signing_keys.derived_secret()
    new_user_id = fan_id(secret, place.organization_id, offered.email)
    who = await signed_in(call)
    if who and (who.organization_id, who.contact.verified_email) == (place.organization_id, offered.email):
        new_user_id = who.user_id
    try:
        await service.engine.run(
            place.key,
            Caller(place.organization_id, FAN),
            verbs.transfer,
            transfer_id=offered.transfer_id,
            new_user_id=new_user_id,
            email=offered.email,
        )
    except NotFound:
        raise
    except Problem as problem:
        return _shown(call, offered, refusal=problem)
    return go_to(await make_link(call.pool, secret, place.key, place.entry.number), NOT_REFERRED)


async def _offered(call: PageRequest) -> Offered:
    secret = await call.service.signing_keys.derived_secret()
    found = await find_offer(call.pool, secret, call.path_params["token"])
    if found is None:
        raise NotFound("This offer has expired, or was taken back.")
    return found


def _shown(call: PageRequest, offered: Offered, *, refusal: Problem | None = None) -> Response:
    place = offered.place
    return page(
        call,
        "transfer.html",
        status=refusal.status if refusal else 200,
        headers=NOT_REFERRED | dict(refusal.headers if refusal else {}),
        locale=call.locale(None, spoken_of(place.look.languages)),
        offered=offered,
        place=place,
        entry=place.entry,
        why=place.why_over,
        rules=place.settings,
        look=place.look,
        timezone=place.timezone,
        refusal=refusal,
    )
