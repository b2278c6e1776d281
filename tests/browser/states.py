"""Every page in every state that it can be in: one line each."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import httpx

from tests.browser.site import DASHBOARD, EMAIL, PAGE, PLACE, Site
from tests.browser.visits import Who
from tests.support.shop import EVENT, LIST, ORGANIZATION, WEBHOOK, add_webhook
from tests.test_pictures import drawn
from waiting_list import pictures
from waiting_list.access import member_links, members
from waiting_list.access.transfers import transfer_token
from waiting_list.lists import verbs
from waiting_list.lists.engine import SERVICE
from waiting_list.lists.models import ListKey
from waiting_list.notifications.suppressions import unsubscribe_code
from waiting_list.postgres.pool import connection

_SHOP = "https://shop.example/buy?pass={pass}&tickets={tickets}"
_WORDING = "/dashboard/events/ev_1/wording?kind=ready&locale=en"
_HELP = "help@lequai.example"
_EVENT = "/dashboard/events/ev_1"
_IMPORT = "/dashboard/events/import"
_SHEET = {"text": "event,date,venue,ticket type,tickets\nJazz,2031-07-15 20:00,The Quay,Floor,500\n"}
_PARIS = {"timezone": "Europe/Paris"}
_MESSAGE = {
    "subject_en": "Doors open at 19:00",
    "text_en": "Please come early: the bags of all visitors are checked.\n\nSee you there.",
    "subject_fr": "Ouverture des portes à 19 h",
    "text_fr": "Merci de venir tôt : les sacs de tous les visiteurs sont contrôlés.",
}
_CONTACT = {"email": EMAIL, "email_verified": True}


class State(NamedTuple):
    """How a page comes to be in a state, and who looks at it."""

    path: Callable[[Site], Awaitable[str]]
    """Brings it about; the path of the page."""
    who: Who = "anybody"
    form: dict[str, str] | None = None
    """What is sent there; a GET without."""
    then: dict[str, str] | None = None
    """What the form on the answer sends next."""
    status: int = 200
    language: str | None = None
    """What it speaks whatever the reader's browser asks for."""


def _at(path: str) -> Callable[[Site], Awaitable[str]]:
    async def state(site: Site) -> str:
        return path

    return state


def _without_key(path: str = "/dashboard/sign-in") -> Callable[[Site], Awaitable[str]]:
    async def reach(site: Site) -> str:
        await site.run("DELETE FROM api_keys")
        return path

    return reach


async def _team(site: Site) -> str:
    """Two members, one with a long name."""
    pool, name = site.app.state.service.pool, "Marie-Françoise de la Rochefoucauld-Montmorency"
    for email, called, role in (("ada@lequai.example", "Ada", "owner"), ("mf@lequai.example", name, "box_office")):
        await members.add_member(pool, ORGANIZATION, members.Invited.of(email=email, name=called, role=role))
    return "/dashboard/settings/team"


async def _member_link(site: Site) -> str:
    """The link in an invitation."""
    await _team(site)
    pool, secret = site.app.state.service.pool, await site.app.state.service.signing_keys.derived_secret()
    member = (await members.members(pool, ORGANIZATION))[1]
    token = await member_links.make_link(pool, secret, member, lifetime=member_links.INVITATION)
    return f"/dashboard/sign-in/{token}"


def _joined(
    *, then: str = "", first: bool = False, path: str = "", **more: Any
) -> Callable[[Site], Awaitable[str]]:
    """Ada waits behind somebody unless she is the first; `then` that happens. The path of her link, or `path`."""

    async def state(site: Site) -> str:
        if not first:
            await site.join("zoe", 3)
        link = await site.join(**({"wanted": 4, "minimum": 2} | more))
        if then == "buy":
            await site.add_stock(4)
            await site.shop.made("POST", f"{PAGE}/entries/ada/purchase", {"quantity": 4})
        elif then == "leave":
            assert (await site.shop.user("ada", "DELETE")).is_success
        elif then == "pause":
            await site.shop.made("POST", f"{PAGE}/entries/ada/pause")
        elif then == "expire":
            await site.configure(hold_minutes=1)
            await site.add_stock(4)
            await site.lapse()
        elif then == "remove":
            assert (await site.shop.organizer("DELETE", f"{PAGE}/entries/ada")).is_success
        elif then == "end":
            await site.configure(closes_at="2026-01-01T00:00:00Z", end_lists=True)
        return path or link

    return state


def _ready(
    stock: int = 4,
    *,
    shop: str | None = None,
    path: str = "",
    below: str = "",
    keeps: bool = False,
    **settings: Any,
) -> Callable[[Site], Awaitable[str]]:
    """It is Ada's turn, for as many of four tickets as there are; she may keep her place for the others."""

    async def state(site: Site) -> str:
        await site.configure(purchase_url=shop, **settings)
        link = await site.join(wanted=4, minimum=2, keep_waiting_for_rest=keeps, **_CONTACT)
        await site.add_stock(stock)
        return path or link + below

    return state


def _below(further: str, **more: Any) -> Callable[[Site], Awaitable[str]]:
    joined = _joined(**more)

    async def state(site: Site) -> str:
        return await joined(site) + further

    return state


async def _overtaken(site: Site) -> str:
    link = await site.join(wanted=1)
    await site.join("zoe", 3)
    return link + "/change"


def _configured(path: str, *, joined: int = 0, **settings: Any) -> Callable[[Site], Awaitable[str]]:
    async def state(site: Site) -> str:
        for number in range(joined):
            await site.join(f"fan-{number}")
        if settings:
            await site.configure(**settings)
        return path

    return state


async def _unsubscribed(site: Site) -> str:
    link = await site.join(**_CONTACT)
    assert (await site.shop.http.post(f"{link}/unsubscribe", data={"x": "1"})).is_redirect
    return link


async def _unverified(site: Site) -> str:
    await site.configure(verify_email=True)
    return await site.join(email=EMAIL)


async def _by_email(site: Site) -> str:
    """Ada has joined with her address alone; the path of her link."""
    joined = await site.shop.http.post(
        f"/v1/user{PAGE}/join-by-email", json={"email": EMAIL, "tickets_wanted": 2, "name": "Ada"}
    )
    link: str = joined.json()["link"]
    return link.removeprefix(site.address)


async def _joined_again(site: Site) -> str:
    """Ada has a place, and somebody joins with her address."""
    await _by_email(site)
    return PAGE


async def _verify_by_email(site: Site) -> str:
    return f"{await _by_email(site)}/verify/{await site.code()}"


def _failed(path: str = "") -> Callable[[Site], Awaitable[str]]:
    """E-mails to Ada come back, and the list skips her; the path of her link, or `path`."""

    async def state(site: Site) -> str:
        link = await site.join(**_CONTACT)
        failed = [verbs.AddressReport(1, EMAIL, "550 5.1.1 No such user")]
        await site.app.state.service.engine.run(
            ListKey(*LIST.split("/")), SERVICE, verbs.fail_address, failed=failed
        )
        await site.configure(skip_failed_addresses=True)
        return path or link

    return state


def _offered(*, taking: bool) -> Callable[[Site], Awaitable[str]]:
    """Ada offers her place to another address: the page of her link, or the page that the letter links to."""

    async def state(site: Site) -> str:
        await site.configure(transfer=True)
        link = await site.join(**_CONTACT)
        await site.shop.http.post(f"{link}/transfer", data={"email": "ben@example.org"})
        service = site.app.state.service
        async with connection(service.pool) as acquired:
            offer = await acquired.fetchval("SELECT transfer_id FROM transfers")
        token = transfer_token(
            await service.signing_keys.derived_secret(), ListKey(*LIST.split("/")).list_id, offer
        )
        return f"/transfers/{token}" if taking else link

    return state


async def _shared(site: Site) -> str:
    """Ada makes a link for another person, who opens it."""
    made = await site.shop.http.post(f"{await site.join(**_CONTACT)}/share")
    found = re.search(r'<p class="pass">https?://[^/]+([^<]+)</p>', made.text)
    assert found is not None
    return found[1]


def _texts(further: str = "", *, given: bool = False, path: str = "") -> Callable[[Site], Awaitable[str]]:
    """The organizer sends text messages, and Ada may have given a number. The path below her link, or `path`."""
    joined = _joined()

    async def state(site: Site) -> str:
        gateway = {"url": "https://sms.example/send", "prefixes": ["+33", "+49"]}
        await site.shop.made("PUT", "/sms-gateway", gateway)
        link = await joined(site)
        if given:
            answer = await site.shop.user("ada", "PUT", f"{PAGE}/entry/phone", {"phone": "+33612345678"})
            assert answer.is_success, answer.text
        return path or link + further

    return state


async def _verify(site: Site) -> str:
    return f"{await _unverified(site)}/verify/{await site.code()}"


async def _alike(site: Site) -> str:
    await site.configure(one_place_per_address=True)
    for number in range(4):
        await site.join(f"fan-{number}")
    await site.run("INSERT INTO traces (list_id, number, network) SELECT list_id, number, 1 FROM entries")
    return f"{DASHBOARD}/lookalikes?done=remove_lookalikes&undo=1-2"


def _sender(path: str) -> Callable[[Site], Awaitable[str]]:
    async def reach(site: Site) -> str:
        sender = {"sender_name": "Le Quai Tickets", "reply_to": "tickets@lequai.example", "contact": _HELP}
        footer = {"en": "Le Quai, 12 quai des Tanneurs, Paris", "fr": "Le Quai, 12 quai des Tanneurs, Paris"}
        await site.shop.made("PATCH", "/organization", sender | {"footer": footer})
        return path

    return reach


def _dressed(path: str) -> Callable[[Site], Awaitable[str]]:
    """With a logo, a pale colour and an image, as an organizer has set them."""

    async def reach(site: Site) -> str:
        await site.shop.made("PATCH", "/organization", {"sender_name": "Le Quai Tickets", "accent": "#d0587e"})
        images = site.app.state.service.images
        await images.set_logo(ORGANIZATION, await images.keep(ORGANIZATION, await pictures.logo(drawn())))
        image = await images.keep(ORGANIZATION, await pictures.event_image(drawn("JPEG", (1600, 900))))
        await images.set_event_image(ORGANIZATION, "ev_1", image)
        return path

    return reach


async def _mails(site: Site) -> str:
    await site.join(**_CONTACT)
    await site.mail()
    return "/mails"


async def _mail(site: Site) -> str:
    await site.configure(purchase_url=_SHOP)
    await site.join(**_CONTACT)
    await site.add_stock(2)
    return f"/mails/{await site.mail('It is your turn')}"


async def _sign_in_link(site: Site) -> str:
    await site.shop.http.post("/sign-in", data={"email": EMAIL, "next": PAGE})
    name = await site.mail("/sign-in/")
    page = await site.shop.http.get(f"/mails/{name}")
    address = httpx.URL(page.text.split('href="' + site.address + "/sign-in/")[1].split('"')[0])
    return f"/sign-in/{address}"


async def _many_events(site: Site) -> str:
    for number in range(22):
        await site.shop.made("PUT", f"/events/more_{number}", EVENT | {"title": f"Show {number}"})
        dates = {"start_datetime": f"2031-01-{number + 1:02}T20:00:00Z", "end_datetime": "2031-02-28T20:00:00Z"}
        await site.shop.made("PUT", f"/representations/more_{number}", {"event_id": f"more_{number}"} | dates)
        offer = {"event_id": f"more_{number}", "name": "Seat", "max_quantity_per_order": 4}
        await site.shop.made("PUT", f"/offers/more_{number}", offer)
        stock = {"total_stock": 5, "available_stock": number % 3}
        await site.shop.made("PUT", f"/inventory/more_{number}/more_{number}", stock)
    return "/"


async def _story(site: Site) -> None:
    """A list in which most things have happened."""
    for number in range(6):
        await site.join(f"fan-{number}", 1 + number % 3)
    await site.add_stock(4)
    await site.shop.made("POST", f"{PAGE}/entries/fan-0/purchase", {})
    await site.shop.made("POST", f"{PAGE}/entries/fan-5/move", {"to": "first"})
    assert (await site.shop.organizer("DELETE", f"{PAGE}/entries/fan-4")).is_success


async def _served(site: Site) -> str:
    """A fan who waits, behind another one who was served."""
    await site.join("first")
    await site.join(wanted=2)
    await site.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 1})
    return f"{PLACE}/served"


def _told(path: str) -> Callable[[Site], Awaitable[str]]:
    async def state(site: Site) -> str:
        await _story(site)
        return path

    return state


def _with_webhook(path: str) -> Callable[[Site], Awaitable[str]]:
    async def state(site: Site) -> str:
        await add_webhook(site.app.state.service.pool)
        return path

    return state


async def _draft(site: Site) -> str:
    await site.shop.made("PUT", "/events/ev_1", EVENT | {"draft": True})
    await site.join()
    return "/dashboard/events/ev_1"


def _drafted(path: str) -> Callable[[Site], Awaitable[str]]:
    async def state(site: Site) -> str:
        await _draft(site)
        return path

    return state


async def _unstocked(site: Site) -> str:
    """A second date has no tickets yet."""
    dates = {"start_datetime": "2031-03-10T20:00:00Z", "end_datetime": "2031-03-10T22:00:00Z"}
    await site.shop.made("PUT", "/representations/rep_2", {"event_id": "ev_1"} | dates)
    return f"{_EVENT}/tickets"


async def _cancelled(site: Site) -> str:
    await _story(site)
    await site.shop.made("POST", "/representations/rep_1/cancel", {"reason": "The singer is ill."})
    return _EVENT


async def _addressed(site: Site) -> str:
    """Three fans wait: one with an address, one with the same, and one without."""
    for number, contact in enumerate((_CONTACT, _CONTACT, {})):
        await site.join(f"fan-{number}", **contact)
    return f"{DASHBOARD}/message"


async def _addressed_event(site: Site) -> str:
    await _addressed(site)
    return f"{_EVENT}/message"


async def _on_sale(site: Site) -> str:
    """A list whose tickets are on sale in a shop."""
    await site.shop.stock(available=3, where="off_9/rep_1")
    await site.shop.made("PATCH", "/waiting-lists/off_9/rep_1", {"purchase_url": _SHOP})
    return "/waiting-lists/off_9/rep_1"


async def _stop_emails(site: Site) -> str:
    secret = await site.app.state.service.signing_keys.derived_secret()
    return f"/stop-emails/{ORGANIZATION}/{unsubscribe_code(secret, ORGANIZATION, EMAIL)}"


def _several(path: str, *, wished: bool = False) -> Callable[[Site], Awaitable[str]]:
    """Three lists of one event; with a wish of the fan, tickets are held in another one than the first."""

    async def reach(site: Site) -> str:
        others = [("off_1", "rep_2"), ("off_2", "rep_2")]
        for one in others:
            await site.shop.stock(where="/".join(one))
        if wished:
            names = [{"offer_id": one, "representation_id": other} for one, other in [("off_1", "rep_1"), *others]]
            answer = await site.shop.user("ada", "POST", "/wishes", {"lists": names, "tickets_wanted": 2})
            assert answer.is_success, answer.text
            await site.shop.made("POST", "/inventory/off_1/rep_2/add-stock", {"quantity": 2})
        return path

    return reach


STATES: dict[str, State] = {
    # Fans who are not signed in.
    "events": State(_at("/")),
    "no events": State(_at("/?organization_id=nobody")),
    "many events": State(_many_events),
    "event": State(_at("/events/ev_1")),
    "event, several lists": State(_several("/events/ev_1")),
    "event, dressed": State(_dressed("/events/ev_1")),
    "list, dressed": State(_dressed(PAGE)),
    "dashboard, organization dressed": State(_dressed("/dashboard/settings"), "organizer"),
    "list open": State(_at(PAGE)),
    "list with a crowd": State(_told(PAGE)),
    "list, how it was served": State(_told(f"{PAGE}/ledger")),
    "list on sale": State(_on_sale),
    "events, searched": State(_at("/?q=jazz&from=2026-01-01")),
    "stop emails": State(_stop_emails),
    "list closed": State(_configured(PAGE, open=False)),
    "place by email": State(_by_email),
    "place by email, verify": State(_verify_by_email),
    "list, link sent": State(_joined_again, form={"email": EMAIL}),
    "list full": State(_configured(PAGE, joined=1, max_waiting=1)),
    "list ended": State(_configured(PAGE, closes_at="2026-01-01T00:00:00Z")),
    "list unknown": State(_at("/waiting-lists/no/no"), status=404),
    "sign in": State(_at("/sign-in")),
    "sign in, wrong": State(_at("/sign-in"), form={"email": "nonsense"}, status=422),
    "sign in, sent": State(_at("/sign-in"), form={"email": EMAIL}),
    "sign in, link": State(_sign_in_link, language="en"),
    "sign in, used": State(_at("/sign-in/nonsense"), status=404),
    # Fans who are.
    "list, signed in": State(_at(PAGE), "fan"),
    "no lists": State(_at("/my-lists"), "fan"),
    "my lists, waiting": State(_joined(path="/my-lists"), "fan"),
    "my lists, ready": State(_ready(path="/my-lists"), "fan"),
    "my lists, left": State(_joined(then="leave", path="/my-lists"), "fan"),
    "place, waiting": State(_joined(path=PLACE), "fan"),
    "place, ready": State(_ready(path=PLACE, shop=_SHOP), "fan"),
    "place, leave": State(_joined(path=f"{PLACE}/leave"), "fan"),
    "place, wish held elsewhere": State(_several(PLACE, wished=True), "fan"),
    "place, leave the wish": State(_several(f"{PLACE}/leave/all", wished=True), "fan"),
    "my lists, wish": State(_several("/my-lists", wished=True), "fan"),
    "place, who was served instead": State(_served, "fan"),
    "list, been there": State(_joined(then="leave", path=PAGE), "fan"),
    # Private links.
    "link, waiting first": State(_joined(first=True)),
    "link, waiting later": State(_joined()),
    "link, paused": State(_joined(then="pause")),
    "link, unverified": State(_unverified),
    "link, shared by another": State(_shared),
    "link, wrong phone number": State(_texts("/phone"), form={"phone": "06 12"}, status=422),
    "link, code by text message": State(_texts(given=True)),
    "link, offered to another": State(_offered(taking=False)),
    "transfer": State(_offered(taking=True)),
    "link, address failed": State(_failed()),
    "link, ready": State(_ready()),
    "link, ready with a shop": State(_ready(shop=_SHOP)),
    "link, ready with fewer": State(_ready(3, shop=_SHOP)),
    "link, ready with a rest": State(_ready(3, shop=_SHOP, keeps=True)),
    "link, waiting for the rest": State(_joined(keep_waiting_for_rest=True)),
    "dashboard, entry with a rest": State(_ready(3, path=f"{DASHBOARD}/entries/ada", keeps=True), "organizer"),
    "list that waits only so long": State(_configured(PAGE, idle_minutes=90)),
    "link, ready without end": State(_ready(hold_minutes=None)),
    "link, bought": State(_joined(then="buy", first=True)),
    "link, left": State(_joined(then="leave")),
    "link, expired": State(_joined(then="expire", first=True)),
    "link, removed": State(_joined(then="remove")),
    "link, ended": State(_joined(then="end")),
    "link, a place at stake": State(_overtaken, form={"tickets_wanted": "4"}),
    "link, leave": State(_below("/leave")),
    "link, release": State(_ready(below="/leave")),
    "link, give back": State(_ready(below="/give-back/2")),
    "link, unsubscribe": State(_below("/unsubscribe", **_CONTACT)),
    "link, unsubscribed": State(_unsubscribed),
    "link, verify": State(_verify),
    "link, refused": State(_below("/change"), form={"tickets_wanted": "7"}, status=422),
    "link, not a number": State(_below("/change"), form={"tickets_wanted": "1.5"}, status=422),
    "link, unknown": State(_at("/e/nonsense"), status=404),
    "list, with a contact": State(_sender(PAGE)),
    # The e-mails of a trial.
    "no mails": State(_at("/mails")),
    "mails": State(_mails),
    "mail": State(_mail),
    # Organizers.
    "dashboard, sign in": State(_at("/dashboard/sign-in")),
    "dashboard, no key": State(_without_key()),
    "dashboard, first": State(_without_key("/dashboard/first")),
    "dashboard, wrong first": State(
        _without_key("/dashboard/first"), form={"organization": "a@b", "email": "ada"}, status=422
    ),
    "dashboard, invitation": State(_member_link, language="en"),
    "dashboard, used link": State(_at("/dashboard/sign-in/used"), status=404),
    "dashboard, wrong key": State(_at("/dashboard/sign-in"), form={"api_key": "x"}, status=401),
    "dashboard": State(_told("/dashboard"), "organizer"),
    "dashboard, list": State(_told(DASHBOARD), "organizer"),
    "dashboard, list by hand": State(_configured(DASHBOARD, joined=2, automatic=False), "organizer"),
    "dashboard, all entries": State(_told(f"{DASHBOARD}?status=all"), "organizer"),
    "dashboard, waiting entry": State(_told(f"{DASHBOARD}/entries/fan-5"), "organizer"),
    "dashboard, ready entry": State(_told(f"{DASHBOARD}/entries/fan-1"), "organizer"),
    "dashboard, entry that left": State(_told(f"{DASHBOARD}/entries/fan-0"), "organizer"),
    "dashboard, failed addresses": State(_failed(DASHBOARD), "organizer"),
    "dashboard, entry whose address failed": State(_failed(f"{DASHBOARD}/entries/ada"), "organizer"),
    "dashboard, add a fan": State(
        _configured(f"{DASHBOARD}/add-fan"),
        "organizer",
        form={"name": "Ada Lovelace", "tickets_wanted": "9"},
        status=422,
    ),
    "dashboard, contact of an entry": State(_failed(f"{DASHBOARD}/entries/ada/contact"), "organizer"),
    "dashboard, people": State(_failed("/dashboard/people?text=example"), "organizer"),
    "dashboard, history": State(_told(f"{DASHBOARD}/history"), "organizer"),
    "dashboard, part of the history": State(_told(f"{DASHBOARD}/history?verb=join"), "organizer"),
    "dashboard, look-alikes": State(_alike, "organizer"),
    "dashboard, remove look-alikes": State(
        _alike, "organizer", form={"do": "remove_lookalikes", "group_1": "1,2,3", "reason": "one person"}
    ),
    "dashboard, no look-alikes": State(_at(f"{DASHBOARD}/lookalikes"), "organizer"),
    "dashboard, statistics": State(_told(f"{DASHBOARD}/statistics?release=2"), "organizer"),
    "dashboard, statistics of all lists": State(_told("/dashboard/statistics"), "organizer"),
    "dashboard, settings": State(_at(f"{DASHBOARD}/settings"), "organizer"),
    "dashboard, refused": State(_at("/dashboard/waiting-lists/no/no"), "organizer", status=404),
    "dashboard, no webhooks": State(_at("/dashboard/webhooks"), "organizer"),
    "dashboard, webhooks": State(_with_webhook("/dashboard/webhooks"), "organizer"),
    "dashboard, webhook": State(_with_webhook(f"/dashboard/webhooks/{WEBHOOK}"), "organizer"),
    "dashboard, delete a webhook": State(_with_webhook(f"/dashboard/webhooks/{WEBHOOK}/delete"), "organizer"),
    "dashboard, emails": State(_at("/dashboard/emails"), "organizer"),
    "dashboard, organization": State(_sender("/dashboard/settings"), "organizer"),
    "dashboard, wrong organization": State(
        _at("/dashboard/settings"), "organizer", form={"sender_name": "a@b", "reply_to": "x@"}, status=422
    ),
    "dashboard, team": State(_team, "organizer"),
    "dashboard, wrong invitation": State(_team, "organizer", form={"email": "ada", "role": "king"}, status=422),
    "dashboard, account": State(_at("/dashboard/account"), "organizer"),
    "dashboard, API keys": State(_at("/dashboard/settings/api-keys"), "organizer"),
    "dashboard, new API key": State(
        _at("/dashboard/settings/api-keys"),
        "organizer",
        form={"name": "Shop", "scope_read": "on", "expires_days": "90"},
    ),
    "dashboard, wording": State(_sender(_WORDING), "organizer"),
    "dashboard, own wording": State(
        _sender(_WORDING),
        "organizer",
        form={"subject": "{tickets} for {event}!", "opening": "Great news."},
    ),
    "dashboard, wrong wording": State(_at(_WORDING), "organizer", form={"subject": "{name}"}, status=422),
    "dashboard, notices": State(_with_webhook("/dashboard/notices?status=all"), "organizer"),
    "dashboard, wrong test of the gateway": State(
        _texts(path="/dashboard/notices/gateway/test"), "organizer", form={"test_phone": "06 12"}, status=422
    ),
    "dashboard, no notices": State(_at("/dashboard/notices"), "organizer"),
    "dashboard, add stock": State(_told(DASHBOARD), "organizer", form={"do": "add_stock", "quantity": "3"}),
    "dashboard, remove": State(
        _told(f"{DASHBOARD}/entries/fan-5"), "organizer", form={"do": "remove", "user_id": "fan-5"}
    ),
    "dashboard, cannot": State(
        _told(f"{DASHBOARD}/entries/fan-1"), "organizer", form={"do": "buy", "user_id": "fan-1", "quantity": "2"}
    ),
    "dashboard, too much": State(
        _told(DASHBOARD), "organizer", form={"do": "add_stock", "quantity": "999"}, status=409
    ),
    "dashboard, new event": State(_at("/dashboard/events/new"), "organizer"),
    "dashboard, wrong event": State(
        _at("/dashboard/events/new"), "organizer", form={"title": "", "timezone": "Paris"}, status=422
    ),
    "dashboard, an import": State(_at(_IMPORT), "organizer"),
    "dashboard, preview of an import": State(_at(_IMPORT), "organizer", form=_SHEET, then=_PARIS),
    "dashboard, wrong rows of an import": State(
        _at(_IMPORT), "organizer", form={"text": f"{_SHEET['text']}Jazz"}, then=_PARIS, status=422
    ),
    "dashboard, list for an import of fans": State(_told("/dashboard/people/import"), "organizer"),
    "dashboard, import of fans": State(
        _at(f"{DASHBOARD}/import"), "organizer", form={"text": "email\nzoe@example.org"}, then={"only": ""}
    ),
    "dashboard, details of an event": State(_at(f"{_EVENT}/details"), "organizer"),
    "dashboard, dates to add": State(
        _drafted(f"{_EVENT}/dates"),
        "organizer",
        form={"starts": "2031-03-10T20:00", "every": "week", "count": "4"},
    ),
    "dashboard, date of an event": State(_told(f"{_EVENT}/dates/rep_1"), "organizer"),
    "dashboard, date to move": State(
        _told(f"{_EVENT}/dates/rep_1"),
        "organizer",
        form={"starts": "2031-03-10T20:00", "ends": "2031-03-10T22:00"},
    ),
    "dashboard, ticket types": State(_drafted(f"{_EVENT}/ticket-types"), "organizer"),
    "dashboard, ticket type": State(_at(f"{_EVENT}/ticket-types/off_1"), "organizer"),
    "dashboard, share a draft": State(_drafted(f"{_EVENT}/share"), "organizer"),
    "dashboard, share": State(_at(f"{_EVENT}/share"), "organizer"),
    "dashboard, poster": State(_at(f"{_EVENT}/poster"), "organizer"),
    "dashboard, tickets": State(_unstocked, "organizer"),
    "dashboard, events": State(_drafted("/dashboard/events"), "organizer"),
    "dashboard, event": State(_told(_EVENT), "organizer"),
    "dashboard, draft": State(_draft, "organizer"),
    "dashboard, list of a draft": State(_drafted(DASHBOARD), "organizer"),
    "dashboard, overview with a draft": State(_drafted("/dashboard?event_id=ev_1"), "organizer"),
    "dashboard, publish": State(_draft, "organizer", form={"do": "publish"}),
    "dashboard, delete a draft": State(_draft, "organizer", form={"do": "delete"}),
    "dashboard, cancelled date": State(_cancelled, "organizer"),
    "dashboard, cancel a date": State(
        _told(_EVENT), "organizer", form={"do": "cancel", "reason": "The singer is ill."}
    ),
    "dashboard, reinstate a date": State(_cancelled, "organizer", form={"do": "reinstate"}),
    "dashboard, message": State(_at(f"{DASHBOARD}/message"), "organizer"),
    "dashboard, message preview": State(_addressed, "organizer", form=_MESSAGE),
    "dashboard, wrong message": State(
        _at(f"{DASHBOARD}/message"), "organizer", form={"subject_en": "Doors"}, status=422
    ),
    "dashboard, empty message": State(_at(f"{_EVENT}/message"), "organizer", form={"subject_en": ""}, status=422),
    "dashboard, message to nobody": State(_told(f"{DASHBOARD}/message"), "organizer", form=_MESSAGE),
    "dashboard, message of an event": State(_addressed_event, "organizer", form=_MESSAGE),
    "dashboard, message sent": State(_at(f"{DASHBOARD}/message?done=12"), "organizer"),
    "dashboard, done": State(_told(f"{DASHBOARD}?done=add_stock"), "organizer"),
    "dashboard, the oldest first": State(_told(f"{DASHBOARD}/history?order=oldest"), "organizer"),
    "dashboard, other settings": State(
        _at(f"{DASHBOARD}/settings"),
        "organizer",
        form={"hold_minutes": "60", "days_before_1": "2", "hold_minutes_1": "5"},
    ),
    "dashboard, wrong settings": State(
        _at(f"{DASHBOARD}/settings"),
        "organizer",
        form={"hold_minutes": "0", "skip_limit": "-1", "quiet_from": "22:00", "days_before_1": "9999"},
        status=422,
    ),
    "dashboard, new webhook": State(
        _at("/dashboard/webhooks"), "organizer", form={"url": "https://shop.example/"}
    ),
    "dashboard, wrong webhook": State(
        _at("/dashboard/webhooks"), "organizer", form={"url": "http://x", "notify_email": "x"}, status=422
    ),
    "dashboard, unknown": State(_at("/dashboard/nothing"), "organizer", status=404),
}
