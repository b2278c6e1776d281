"""A demo ticket shop: pages with the widget, and a checkout that buys with a purchase pass.

The pages exist only if the `demo` setting is on, because every visitor can act as any fan of the demo. This
process plays the shop's server. It makes tokens like `POST /v1/organizer/user-tokens`, and redeems passes like
`POST /v1/organizer/purchases`.
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

ORGANIZATION = "wl-demo"
"""The ids of the demo begin with this name, too. A shop would not choose it, so no id of a shop collides."""
FANS = ("you", "ines", "emma", "chloe", "fan-24")
"""The fans that a visitor can choose to be. In the demo data, all but the first are waiting or ready."""
_TOKEN_SECONDS = 600
_STAFF = Caller(ORGANIZATION, "organizer:demo-shop")
SOLD = (
    ListKey("wl-demo-jazz-floor", "wl-demo-jazz-fri"),
    ListKey("wl-demo-indie-floor", "wl-demo-indie-1"),
    ListKey("wl-demo-opera-stalls", "wl-demo-opera-1"),
    ListKey("wl-demo-jazz-floor", "wl-demo-jazz-sun"),
)
"""The lists of the shop's tickets. Tickets of the last one are still available."""


class Show(NamedTuple):
    """A show in the shop, with the facts of the catalogue."""

    key: ListKey
    title: str
    ticket_type: str
    start_datetime: datetime
    timezone: str


class ShopRoute(PageRoute):
    """A page of the shop. Its visitors do not sign in, so its forms need no token, only the same origin."""

    async def admit(self, call: PageRequest) -> Response | None:
        if not call.service.settings.demo:
            raise NotFound("This page does not exist.")
        if call.method == "POST":
            check_same_origin(call)
        return None

    async def refused(self, call: PageRequest, problem: Problem) -> Response:
        """Show a refusal on a page of the shop."""
        if not call.service.settings.demo:
            return await super().refused(call, problem)
        return _page(call, "shop_sorry.html", status=problem.status, headers=problem.headers, problem=problem)


router = APIRouter(route_class=ShopRoute, include_in_schema=False)


@router.get(SHOP)
async def show_shop(call: PageRequest, fan: str = "") -> Response:
    """List the shows, each with its waiting list, for the chosen fan."""
    token = await _token(call, fan) if fan in FANS else None
    return _page(call, "shop.html", shows=await _shows(call), fans=FANS, fan=fan if token else "", token=token)


@router.get(SHOP_TOKEN)
async def make_token(call: PageRequest, fan: str = "") -> Response:
    """Make a token for the fan. The shop's script asks for a new one when its token is refused."""
    token = await _token(call, fan) if fan in FANS else None
    return JSONResponse({"token": token}, headers=dict(HEADERS))


@router.get(CHECKOUT)
async def show_checkout(call: PageRequest, tickets: str = "") -> Response:
    """Show the held tickets of a pass, and a button to pay for them."""
    # Read by hand, because `pass` cannot be the name of a parameter in Python.
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
    """Buy the chosen number of tickets with the pass. A pass buys once."""
    form = await read_form(call)
    shown = await call.service.purchase_passes.read_pass(form.get("pass", ""))
    tickets = whole_number(form, "tickets")
    if tickets < 1:
        raise InvalidRequest.of("tickets", "must be at least 1")
    await call.engine.run(shown.key, _STAFF, verbs.buy, user_id=shown.user_id, quantity=tickets, hold=shown.hold)
    return go_to(f"{THANKS}?tickets={tickets}&fan={shown.user_id if shown.user_id in FANS else ''}")


@router.get(THANKS)
async def show_thanks(call: PageRequest, tickets: int = 1, fan: str = "") -> Response:
    """Thank the fan for the purchase."""
    return _page(call, "shop_thanks.html", tickets=max(1, min(tickets, 1000)), fan=fan if fan in FANS else "")


async def _shows(call: PageRequest, keys: Sequence[ListKey] = SOLD) -> list[Show]:
    """Return the upcoming shows of these lists."""
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
    """Return the entry whose hold belongs to the pass. Raises AlreadyLeft, HoldExpired, NotInList."""
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
    """Render a page of the shop.

    It loads the widget from the public URL, which is another origin if the visitor opened the shop by another
    name. So the page has the policy that every shop with the widget needs.
    """
    settings = call.service.settings
    service, origin = settings.public_url, settings.public_origin
    policy = (
        f"default-src 'self'; script-src 'self' {origin}; connect-src 'self' {origin}; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    )
    own = {"Content-Security-Policy": policy} | dict(headers or {})
    return page(call, template, status=status, headers=own, service=service, checkout=CHECKOUT, shop=SHOP, **shown)
