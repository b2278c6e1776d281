"""Pages on which fans ask to be told when a list takes fans, and stop the e-mails of an organization."""

from fastapi import APIRouter, Response
from pydantic import TypeAdapter, ValidationError

from waiting_list import page_addresses as to
from waiting_list.access.user_tokens import User
from waiting_list.fields import Email
from waiting_list.notifications import alerts, organizations
from waiting_list.notifications.alerts import Asking
from waiting_list.notifications.suppressions import code_hash, suppress_now
from waiting_list.pages.fans.lists import own_entry, show_list_as_it_is
from waiting_list.pages.fans.page import FanRoute
from waiting_list.pages.forms import check_same_origin
from waiting_list.pages.page import NOT_REFERRED, PageRequest, PageRoute, go_to, page
from waiting_list.problems import InvalidRequest, InventoryNotFound, NotFound, Problem, WaitingListOpen
from waiting_list.web.parameters import path_id, path_key

router = APIRouter(route_class=FanRoute, include_in_schema=False)
public_router = APIRouter(route_class=PageRoute, include_in_schema=False)
"""Pages that a letter links to: the code in the address is the credential."""
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)


@router.get(to.ALERT)
async def show_list_again(call: PageRequest) -> Response:
    """Redirect a reload of a refused form to the list's page."""
    return go_to(to.of_list(to.LIST, path_key(call)))


@router.post(to.ALERT)
async def ask_for_alert(call: PageRequest) -> Response:
    """Note who wants one e-mail when the list takes fans. A signed-in fan need not say where."""
    key, given = path_key(call), call.sent.get("email", "").strip()
    call.allow(await call.service.limits.alert_from(call.address))
    here = to.of_list(to.LIST, key)
    if isinstance(call.who, User) and not given:
        given = call.user.contact.email or ""
    try:
        email = _EMAIL.validate_python(given)
    except ValidationError:
        wrong = InvalidRequest.of("email", "must be an e-mail address")
        return await show_list_as_it_is(call, key, await own_entry(call, key), refusal=wrong, wrong_email=True)
    service = call.service
    try:
        await alerts.ask(
            call.engine,
            service.mail_limits,
            await service.signing_keys.derived_secret(),
            key,
            Asking(email=email, locale=call.locale()),
            address=call.address,
        )
    except WaitingListOpen:
        return go_to(here)  # it has opened meanwhile: the page shows how to join
    except InventoryNotFound:
        raise
    except Problem as problem:
        return await show_list_as_it_is(call, key, await own_entry(call, key), refusal=problem)
    return go_to(f"{here}?asked")


@public_router.get(to.STOP_EMAILS)
async def ask_to_stop(call: PageRequest) -> Response:
    """Show a button that stops the e-mails, because scanners of e-mails open links and must not."""
    await _mailbox(call)
    return await _page(call, stopped=False)


@public_router.post(to.STOP_EMAILS)
async def stop(call: PageRequest) -> Response:
    """Unsubscribe the mailbox from the organization. Mail programs do it with one click (RFC 8058)."""
    if b"List-Unsubscribe" not in await call.body():
        check_same_origin(call, or_null=True)
    organization_id, hashed = await _mailbox(call)
    await suppress_now(call.pool, organization_id, hashed)
    return await _page(call, stopped=True)


async def _mailbox(call: PageRequest) -> tuple[str, bytes]:
    """Return the organization and the hash of the mailbox that the code is for. Raises NotFound."""
    organization_id = path_id(call, "organization_id")
    secret = await call.service.signing_keys.derived_secret()
    hashed = code_hash(secret, organization_id, call.path_params["mail_code"])
    if hashed is None:
        raise NotFound("This page does not exist.")
    return organization_id, hashed


async def _page(call: PageRequest, *, stopped: bool) -> Response:
    found = await organizations.organization(call.pool, path_id(call, "organization_id"))
    return page(call, "stop_emails.html", headers=NOT_REFERRED, stopped=stopped, look=found.look)
