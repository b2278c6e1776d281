"""Define the addresses of all pages.

Each constant is a pattern for routers. `address` fills it; templates call it as `to.address(to.MAIL, name=…)`.
"""

import uuid
from typing import Protocol
from urllib.parse import quote, urlsplit, urlunsplit

HOME = "/"
LANGUAGE = "/language"
SIGN_IN = "/sign-in"
SIGN_IN_LINK = "/sign-in/{token}"
SIGN_IN_WITH_TOKEN = "/sign-in/with-token"  # noqa: S105 - an address
SIGN_OUT = "/sign-out"
MY_LISTS = "/my-lists"
EVENT = "/events/{event_id}"
EVENT_JOIN = EVENT + "/join"
"""Where a fan joins several lists of an event at once."""
LIST = "/waiting-lists/{offer_id}/{representation_id}"
JOIN = LIST + "/join"
ALERT = LIST + "/alert"
"""Where a fan asks to be told when the list opens."""
LEDGER = LIST + "/ledger"
"""What anybody may know of how the list was served."""
PUBLIC_LIST = "/v1/user" + LIST
"""The list in the API. The following calls below it are those for its ledger."""
CHECKPOINT = PUBLIC_LIST + "/checkpoint"
LEDGER_KEYS = PUBLIC_LIST + "/ledger-keys"
LEDGER_LINES = PUBLIC_LIST + "/ledger"
CHANGE_RECEIPT = LEDGER_LINES + "/{sequence}/receipt"
STOP_EMAILS = "/stop-emails/{organization_id}/{mail_code}"
"""Where the owner of a mailbox unsubscribes from an organization, without an entry."""
PLACE = LIST + "/place"
"""The entry of the signed-in fan."""
PRIVATE_LINKS = "/e/"
PRIVATE_LINK = PRIVATE_LINKS + "{token}"
"""An entry, for a visitor with its private link."""
TRANSFER = "/transfers/{token}"
"""A place that is offered to the visitor who has this link."""
CHANGE = "/change"
"""This and the following patterns come after the address of an entry, of either kind. `below` joins the two."""
UNDO = "/undo"
PAUSE = "/pause"
RESUME = "/resume"
LEAVE = "/leave"
LEAVE_ALL = LEAVE + "/all"
"""Where a fan leaves every list of a wish."""
GIVE_BACK = "/give-back/{tickets}"
LIVE = "/live"
VERIFY = "/verify/{code}"
NOT_ME = VERIFY + "/not-me"
SEND_AGAIN = "/send-again"
SUBSCRIBE = "/subscribe"
UNSUBSCRIBE = "/unsubscribe"
WITH_MAIL_CODE = "/{mail_code}"
TRANSFER_OFFER = "/transfer"
TRANSFER_BACK = TRANSFER_OFFER + "/back"
SHARE = "/share"
SHARE_END = SHARE + "/end"
SERVED = "/served"
"""Who was served while the entry waited, and why."""
RECEIPT = "/receipts/{verb}"
"""The proof that a change of the entry is in the ledger."""
PUSH = "/push"
PUSH_STOP = PUSH + "/stop"
PHONE = "/phone"
PHONE_CODE = PHONE + "/code"
PHONE_STOP = PHONE + "/stop"
CALENDAR = "/calendar.ics"
"""The calendar file of what stands at the address before it: an event, a list or an entry."""

DASHBOARD = "/dashboard"
DASHBOARD_SIGN_IN = DASHBOARD + "/sign-in"
DASHBOARD_FIRST = DASHBOARD + "/first"
"""Where the first organization is set up."""
DASHBOARD_SIGN_IN_LINK = DASHBOARD_SIGN_IN + "/{token}"
DASHBOARD_SIGN_IN_PASSKEY = DASHBOARD_SIGN_IN + "/passkey"
DASHBOARD_SIGN_IN_PASSKEY_OPTIONS = DASHBOARD_SIGN_IN_PASSKEY + "/options"
"""What a browser asks for before it signs in with a passkey."""
DASHBOARD_SIGN_OUT = DASHBOARD + "/sign-out"
DASHBOARD_PEOPLE = DASHBOARD + "/people"
PEOPLE_IMPORT = DASHBOARD_PEOPLE + "/import"
"""Where an organizer chooses the list that an import of fans is for."""
DASHBOARD_CHANGES = DASHBOARD + "/changes"
"""A stream that says that the lists of the organization have changed."""
DASHBOARD_LIST = DASHBOARD + LIST
DASHBOARD_LIST_CHANGES = DASHBOARD_LIST + "/changes"
DASHBOARD_ENTRY = DASHBOARD_LIST + "/entries/{user_id}"
DASHBOARD_ENTRY_CONTACT = DASHBOARD_ENTRY + "/contact"
DASHBOARD_ENTRY_LINK = DASHBOARD_ENTRY + "/link"
DASHBOARD_ENTRY_RESEND = DASHBOARD_ENTRY + "/resend"
DASHBOARD_ADD = DASHBOARD_LIST + "/add-fan"
DASHBOARD_IMPORT = DASHBOARD_LIST + "/import"
DASHBOARD_CSV = DASHBOARD_LIST + "/entries.csv"
DASHBOARD_STATISTICS = DASHBOARD_LIST + "/statistics"
DASHBOARD_STATISTICS_CSV = DASHBOARD_STATISTICS + ".csv"
DASHBOARD_HISTORY = DASHBOARD_LIST + "/history"
DASHBOARD_LOOKALIKES = DASHBOARD_LIST + "/lookalikes"
DASHBOARD_SETTINGS = DASHBOARD_LIST + "/settings"
DASHBOARD_CONFIRM = DASHBOARD_LIST + "/confirm"
DASHBOARD_DO = DASHBOARD_LIST + "/do"
DASHBOARD_MESSAGE = DASHBOARD_LIST + "/message"
DASHBOARD_ALL_STATISTICS = DASHBOARD + "/statistics"
DASHBOARD_ALL_STATISTICS_CSV = DASHBOARD_ALL_STATISTICS + ".csv"
DASHBOARD_EVENTS = DASHBOARD + "/events"
NEW_EVENT = DASHBOARD_EVENTS + "/new"
IMPORT_EVENTS = DASHBOARD_EVENTS + "/import"
DASHBOARD_EVENT = DASHBOARD_EVENTS + "/{event_id}"
DASHBOARD_EVENT_DETAILS = DASHBOARD_EVENT + "/details"
DASHBOARD_EVENT_DATES = DASHBOARD_EVENT + "/dates"
DASHBOARD_EVENT_DATE = DASHBOARD_EVENT_DATES + "/{representation_id}"
DASHBOARD_EVENT_TYPES = DASHBOARD_EVENT + "/ticket-types"
DASHBOARD_EVENT_TYPE = DASHBOARD_EVENT_TYPES + "/{offer_id}"
DASHBOARD_EVENT_TICKETS = DASHBOARD_EVENT + "/tickets"
DASHBOARD_EVENT_DUPLICATE = DASHBOARD_EVENT + "/duplicate"
DASHBOARD_EVENT_IMAGE = DASHBOARD_EVENT + "/image"
DASHBOARD_EVENT_SHARE = DASHBOARD_EVENT + "/share"
DASHBOARD_EVENT_FLYER = DASHBOARD_EVENT + "/poster"
DASHBOARD_EVENT_QR = DASHBOARD_EVENT + "/qr.{kind}"
DASHBOARD_EVENT_CONFIRM = DASHBOARD_EVENT + "/confirm"
DASHBOARD_EVENT_DO = DASHBOARD_EVENT + "/do"
DASHBOARD_EVENT_MESSAGE = DASHBOARD_EVENT + "/message"
DASHBOARD_EVENT_STATISTICS = DASHBOARD_EVENT + "/statistics"
DASHBOARD_EVENT_STATISTICS_CSV = DASHBOARD_EVENT_STATISTICS + ".csv"
DASHBOARD_EVENT_WORDING = DASHBOARD_EVENT + "/wording"
ACCOUNT = DASHBOARD + "/account"
ACCOUNT_SESSIONS = ACCOUNT + "/sessions"
ACCOUNT_PASSKEYS = ACCOUNT + "/passkeys"
ACCOUNT_PASSKEY_OPTIONS = ACCOUNT_PASSKEYS + "/options"
ACCOUNT_PASSKEY_REMOVE = ACCOUNT_PASSKEYS + "/{passkey_id}/remove"
SETTINGS = DASHBOARD + "/settings"
"""The settings of the organization; those of a list are `DASHBOARD_SETTINGS`."""
LOGO = SETTINGS + "/logo"
TEAM = SETTINGS + "/team"
TEAM_MEMBER = TEAM + "/{member_id}"
TEAM_INVITE_AGAIN = TEAM_MEMBER + "/invite"
TEAM_REMOVE = TEAM_MEMBER + "/remove"
TEAM_SESSIONS = SETTINGS + "/sessions"
API_KEYS = SETTINGS + "/api-keys"
API_KEY_ROTATE = API_KEYS + "/{key_id}/rotate"
API_KEY_REVOKE = API_KEYS + "/{key_id}/revoke"
WEBHOOKS = DASHBOARD + "/webhooks"
WEBHOOK = WEBHOOKS + "/{webhook_id}"
WEBHOOK_TEST = WEBHOOK + "/test"
WEBHOOK_ENABLE = WEBHOOK + "/enable"
WEBHOOK_DISABLE = WEBHOOK + "/disable"
WEBHOOK_ROTATE_SECRET = WEBHOOK + "/rotate-secret"
WEBHOOK_REDELIVER = WEBHOOK + "/redeliver"
WEBHOOK_DELETE = WEBHOOK + "/delete"
EMAILS = DASHBOARD + "/emails"
NOTICES = DASHBOARD + "/notices"
NOTICES_GATEWAY = "/dashboard/notices/gateway"
NOTICES_GATEWAY_DELETE = NOTICES_GATEWAY + "/delete"
NOTICES_GATEWAY_TEST = NOTICES_GATEWAY + "/test"
NOTICES_RESEND = NOTICES + "/resend"

SHOP = "/demo/shop"
SHOP_TOKEN = "/demo/token"  # noqa: S105 - an address
CHECKOUT = "/demo/checkout"
THANKS = "/demo/thanks"
MAILS = "/mails"
MAIL = MAILS + "/{name}"
MAIL_HTML = MAIL + "/html"
IMAGE = "/images/{name}"
SMALL_IMAGE = "/images/small/{name}"
ACCENT = "/accents/{colour}.css"
"""The style sheet of an organization's colour: six hexadecimal digits."""
STATIC = "/static/{name}"
WORKER = "/worker.js"
"""The worker of fans' own places. It stands above them, because a browser lets it act only for what is below."""
MANIFEST = "/app.webmanifest"
"""The web manifest of the page at the address before it; alone, that of the list of events."""
FAVICON = "/favicon.ico"
ROBOTS = "/robots.txt"
RECEIPT_CHECKER = "/verify"
"""The page that checks receipts, also offline."""
LEDGER_SCRIPT = RECEIPT_CHECKER + "/verify_ledger.py"
DOCS = "/docs"
OPENAPI = "/openapi.json"

ANYTHING_ELSE = "/{anything:path}"
"""All other addresses that start with a pattern."""


class OfList(Protocol):
    """An object that belongs to a list."""

    @property
    def offer_id(self) -> str: ...
    @property
    def representation_id(self) -> str: ...


def address(pattern: str, /, **keys: str) -> str:
    """Return the address of the page with these keys. Each key is one part of the path, even if it has slashes."""
    return pattern.format(**{name: quote(key, safe="", errors="replace") for name, key in keys.items()})


def of_list(pattern: str, about: OfList, /, **keys: str) -> str:
    """Return the address of a page of a list. `about` is the list, its key, or one of its entries."""
    return address(pattern, offer_id=about.offer_id, representation_id=about.representation_id, **keys)


def list_field(list_id: uuid.UUID) -> str:
    """Return the name of the field of a form with which a fan ticks a list. Each has one of its own."""
    return f"list-{list_id.hex}"


def is_list_field(name: str) -> bool:
    """Return whether a field of a form ticks a list."""
    return name.startswith("list-")


def image_size(image: str) -> tuple[int, int]:
    """Return the width and height of an image in pixels, which its address ends with."""
    width, _, height = image.rpartition(".")[0].rpartition("-")[2].partition("x")
    return int(width), int(height)


def small_image(image: str) -> str:
    """Return the address of the small form of an image."""
    return address(SMALL_IMAGE, name=image.rpartition("/")[2])


def below(place: str, pattern: str, /, **keys: str) -> str:
    """Return the address of a page below the address of an entry."""
    return place + address(pattern, **keys)


def venue_line(venue_name: str, venue_address: str) -> str:
    """Return a venue in one line, as calendars and letters want it."""
    lines = (line.strip(" ,") for part in (venue_name, venue_address) for line in part.splitlines())
    return ", ".join(filter(None, lines))


def map_link(venue_name: str, venue_address: str) -> str | None:
    """Return where a map finds a venue, by its address or else by its name; None without either.

    OpenStreetMap, because it needs no key and no script, and asks its readers for nothing.
    """
    wanted = venue_line("", venue_address) or venue_line(venue_name, "")
    return f"https://www.openstreetmap.org/search?query={quote(wanted, safe='')}" if wanted else None


def without_slash(last: str, query: str) -> str:
    """Return the address without the slash at its end, relative to the address with it. `last` is its last part.

    Relative, because a proxy may serve the pages below a path of its own.
    """
    return f"../{last}?{query}" if query else f"../{last}"


def unsubscribe(place: str, mail_code: str | None) -> str:
    """Return where a fan unsubscribes: from the e-mails about this entry or, with a code, of the organizer."""
    return _with_code(place, UNSUBSCRIBE, mail_code)


def subscribe(place: str, mail_code: str | None) -> str:
    """Return where a fan subscribes again."""
    return _with_code(place, SUBSCRIBE, mail_code)


def sale_link(purchase_url: str | None) -> str | None:
    """Return where anybody buys while tickets are on sale: the list's `purchase_url` without what only the fans of
    the list have, or None if nothing would be left of it."""
    if purchase_url is None:
        return None
    parts = urlsplit(purchase_url)
    query = "&".join(one for one in parts.query.split("&") if "{" not in one)
    link = urlunsplit(parts._replace(query=query, fragment="" if "{" in parts.fragment else parts.fragment))
    return None if "{" in link else link


def _with_code(place: str, pattern: str, mail_code: str | None) -> str:
    if not mail_code:
        return below(place, pattern)
    return below(place, pattern + WITH_MAIL_CODE, mail_code=mail_code)


def buy_link(purchase_url: str | None, purchase_pass: str | None, tickets: int) -> str | None:
    """Return where a fan buys: the list's `purchase_url`, with the pass and the number of tickets filled in.

    Returns None without a pass or a `purchase_url`.
    """
    if purchase_url is None or purchase_pass is None:
        return None
    return purchase_url.replace("{tickets}", str(tickets)).replace("{pass}", quote(purchase_pass, safe=""))
