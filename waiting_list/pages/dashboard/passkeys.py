"""The passkeys of members: sign in with one, and add and remove one's own on the account page.

A script of the page asks the browser for the passkey, and sends its answer in a form. The domain and the origin
are those of the public address, because the Host header is what the caller says.
"""

from typing import cast

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.access import passkeys
from waiting_list.access.authentication import Organizer
from waiting_list.access.members import wrong_name
from waiting_list.access.passkey_challenges import PasskeyRefused, RelyingParty
from waiting_list.pages.browsers import browser_name
from waiting_list.pages.dashboard.sign_in import sign_in_as, sign_in_page
from waiting_list.pages.dashboard.team import AccountRoute, account_page, own_id, wrong_fields
from waiting_list.pages.forms import check_same_origin, local, read_form
from waiting_list.pages.page import HEADERS, PageRequest, PageRoute, go_to
from waiting_list.problems import InvalidRequest, NotFound
from waiting_list.web.parameters import path_id

public_router = APIRouter(route_class=PageRoute, include_in_schema=False)
"""For members who are not signed in yet. Comes before the router of sign-in links, whose tokens match any name."""
router = APIRouter(route_class=AccountRoute, include_in_schema=False)


@public_router.get(to.DASHBOARD_SIGN_IN_PASSKEY_OPTIONS)
async def get_sign_in_options(call: PageRequest) -> Response:
    """Send what a browser needs to sign in with a passkey: the same for every visitor, but for the challenge."""
    party = _party(call)
    return _json(await passkeys.options_to_sign_in(await call.service.signing_keys.derived_secret(), party))


@public_router.post(to.DASHBOARD_SIGN_IN_PASSKEY)
async def sign_in_with_passkey(call: PageRequest) -> Response:
    """Sign a member in with a passkey.

    Raises Forbidden for a form from another site, which could sign a visitor in as another member.
    """
    check_same_origin(call)
    party = _party(call)
    call.allow(call.service.limits.sign_in_from(call.address))
    form = await read_form(call)
    after = local(form.get("next"), to.DASHBOARD)
    try:
        session = await passkeys.sign_in_with_passkey(
            call.pool,
            await call.service.signing_keys.derived_secret(),
            party,
            credential=form.get("credential", ""),
            browser=browser_name(call.headers.get("user-agent")),
        )
    except PasskeyRefused:
        # One answer for every reason, so that it tells a stranger nothing.
        return await sign_in_page(call, after, status=401, wrong="passkey")
    return sign_in_as(call, session, after)


@router.get(to.ACCOUNT_PASSKEY_OPTIONS)
async def get_options(call: PageRequest) -> Response:
    """Send what a browser needs to make a passkey for the member."""
    own_id(call)
    party, secret = _party(call), await call.service.signing_keys.derived_secret()
    return _json(await passkeys.options_to_add(call.pool, secret, party, cast(Organizer, call.who)))


@router.post(to.ACCOUNT_PASSKEYS)
async def add_passkey(call: PageRequest) -> Response:
    """Add the passkey that the browser made."""
    own_id(call)
    party, name = _party(call), call.sent.get("passkey_name", "").strip()
    try:
        if message := wrong_name(name):
            raise InvalidRequest.of("passkey_name", message)
        await passkeys.add_passkey(
            call.pool,
            await call.service.signing_keys.derived_secret(),
            party,
            cast(Organizer, call.who),
            credential=call.sent.get("credential", ""),
            name=name,
        )
    except InvalidRequest as problem:
        return await account_page(call, status=422, errors=wrong_fields(problem))
    except PasskeyRefused:
        return await account_page(call, status=422, passkey_refused=True)
    return go_to(f"{to.ACCOUNT}?done=passkey")


@router.post(to.ACCOUNT_PASSKEY_REMOVE)
async def remove_passkey(call: PageRequest) -> Response:
    """Remove one of one's own passkeys."""
    await passkeys.remove_passkey(call.pool, own_id(call), path_id(call, "passkey_id"))
    return go_to(f"{to.ACCOUNT}?done=passkey_removed")


def _party(call: PageRequest) -> RelyingParty:
    party = RelyingParty.of(call.service.settings.public_url)
    if party is None:
        raise NotFound("Passkeys need a public address with https and a host name.")
    return party


def _json(text: str) -> Response:
    return Response(text, headers=HEADERS, media_type="application/json")
