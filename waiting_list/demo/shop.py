"""A ticket shop to try the service with: the widget on its page, and a checkout that buys with a purchase pass.

There is nothing here unless the `demo` setting is on, since anybody can be any fan of the demo. What stands for
the shop's server is in this process: it mints tokens and redeems passes as `POST /v1/organizer/user-tokens` and
`POST /v1/organizer/purchases` do.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from waiting_list.access.purchase_passes import Pass
from waiting_list.access.user_tokens import User
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.lists import verbs
from waiting_list.lists.engine import Caller
from waiting_list.lists.holds import hold_id
from waiting_list.lists.models import Entry, LeftReason, ListKey, Status
from waiting_list.page_addresses import CHECKOUT, SHOP, SHOP_TOKEN, THANKS
from waiting_list.pages.forms import check_same_origin, read_form, whole_number
from waiting_list.pages.page import HEADERS, PageRequest, PageRoute, go_to, page
from waiting_list.problems import AlreadyLeft, HoldExpired, InvalidRequest, NotFound, Problem, WrongQuantity

ORGANIZATION = "demo"
FANS = ("you", "ines", "emma", "chloe", "fan-24")
"""Who one can be in the shop, besides nobody; the demo has made all but the first wait, or ready."""
_TOKEN_SECONDS = 600
_STAFF = Caller(ORGANIZATION, "organizer:demo-shop")


SOLD = (
    ListKey("jazz-floor", "jazz-fri"),
    ListKey("indie-floor", "indie-1"),
    ListKey("opera-stalls", "opera-1"),
    ListKey("jazz-floor", "jazz-sun"),
)
"""What the shop sells. Of the last one there are tickets left."""


class Show(NamedTuple):
    """What the shop has on sale, as its catalogue has it."""

    key: ListKey
    title: str
    ticket_type: str
    start_datetime: datetime
    timezone: str


class ShopRoute(PageRoute):
    """A page of the shop. Nobody is signed in there, so a form need only come from it."""

    async def admit(self, call: PageRequest) -> Response | None:
        if not call.service.settings.demo:
            raise NotFound("This page does not exist.")
        if call.method == "POST":
            check_same_origin(call)
        return None

    async def refused(self, call: PageRequest, problem: Problem) -> Response:
        """What was refused, in the words of a shop."""
        if not call.service.settings.demo:
            return await super().refused(call, problem)
        return _page(call, "shop_sorry.html", status=problem.status, headers=problem.headers, problem=problem)


router = APIRouter(route_class=ShopRoute, include_in_schema=False)


@router.get(SHOP)
async def show_shop(call: PageRequest, fan: str = "") -> Response:
    """What is on sale, each show with its waiting list, for the fan that was chosen."""
    token = await _token(call, fan) if fan in FANS else None
    return _page(call, "shop.html", shows=await _shows(call), fans=FANS, fan=fan if token else "", token=token)


@router.get(SHOP_TOKEN)
async def make_token(call: PageRequest, fan: str = "") -> Response:
    """A token for the fan: what the shop's script asks for when the one that it has is refused."""
    token = await _token(call, fan) if fan in FANS else None
    return JSONResponse({"token": token}, headers=dict(HEADERS))


@router.get(CHECKOUT)
async def show_checkout(call: PageRequest, tickets: str = "") -> Response:
    """What is held by a pass, and a button to pay for it."""
    # The pass is read by hand: `pass` is no name that Python lets a parameter have.
    text = call.query_params.get("pass", "")
    shown = await call.service.purchase_passes.read_pass(text)
    entry = await _held(call, shown)
    chosen = whole_number({"tickets": tickets}, "tickets") if tickets else entry.tickets_held
    if not 1 <= chosen <= entry.tickets_held:
        raise WrongQuantity("Fewer tickets are held.", held=entry.tickets_held)
    show = next((show for show in await _shows(call, [shown.key])), None)
    return _page(call, "shop_checkout.html", entry=entry, show=show, tickets=chosen, purchase_pass=text)


@router.post(CHECKOUT)
async def pay(call: PageRequest) -> Response:
    """Buys with the pass, so many as were chosen. A pass buys once."""
    form = await read_form(call)
    shown = await call.service.purchase_passes.read_pass(form.get("pass", ""))
    tickets = whole_number(form, "tickets")
    if tickets < 1:
        raise InvalidRequest.of("tickets", "must be at least 1")
    await call.engine.run(shown.key, _STAFF, verbs.buy, user_id=shown.user_id, quantity=tickets, hold=shown.hold)
    return go_to(f"{THANKS}?tickets={tickets}&fan={shown.user_id if shown.user_id in FANS else ''}")


@router.get(THANKS)
async def show_thanks(call: PageRequest, tickets: int = 1, fan: str = "") -> Response:
    """Thanks for the purchase."""
    return _page(call, "shop_thanks.html", tickets=max(1, min(tickets, 1000)), fan=fan if fan in FANS else "")


async def _shows(call: PageRequest, keys: Sequence[ListKey] = SOLD) -> list[Show]:
    """Those of the lists whose show is still to come."""
    events = await catalogue_queries.upcoming_events(call.pool, [ORGANIZATION], limit=100, cursor=None)
    found = {
        ListKey(offer.offer_id, one.representation_id): Show(
            ListKey(offer.offer_id, one.representation_id),
            event.title,
            offer.name,
            one.start_datetime,
            event.timezone,
        )
        for event in events.items
        for offer in event.offers
        for one in event.representations
    }
    return [found[key] for key in keys if key in found]


async def _token(call: PageRequest, fan: str) -> str:
    token, _ = await call.service.user_tokens.mint(User(fan, ORGANIZATION), expires_in=_TOKEN_SECONDS)
    return token


async def _held(call: PageRequest, shown: Pass) -> Entry:
    """The entry whose hold the pass was made for. Raises AlreadyLeft, HoldExpired, NotInList."""
    entry = await call.reads.entry(shown.key, shown.user_id, organization_id=ORGANIZATION)
    is_this = entry.ready_at and hold_id(shown.key.list_id, entry.number, entry.ready_at) == shown.hold
    if is_this and entry.status is Status.READY:
        return entry
    if is_this and entry.left_reason is LeftReason.BOUGHT:
        raise AlreadyLeft("These tickets are already bought.", entry=entry)
    raise HoldExpired("The hold of this pass has expired.")


def _page(
    call: PageRequest, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **shown: Any
) -> Response:
    """A page of the shop. It takes the widget from where fans reach the service, which is another origin when the
    shop is opened by another name: its policy is the one that any shop needs."""
    service = call.service.settings.public_url
    policy = (
        f"default-src 'self'; script-src 'self' {service}; connect-src 'self' {service}; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    )
    own = {"Content-Security-Policy": policy} | dict(headers or {})
    return page(call, template, status=status, headers=own, service=service, checkout=CHECKOUT, shop=SHOP, **shown)
