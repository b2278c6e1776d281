"""Give the examples of the OpenAPI document: what the service answers.

They tell one story: a show is sold out, and the fan `u1` waits for two tickets. Tests send every body of
openapi_bodies.py to a running service, and compare its answers with the examples.
"""

from collections.abc import Mapping

from waiting_list import __version__
from waiting_list.lists.list_settings import SETTINGS
from waiting_list.lists.notice_kinds import WebhookType
from waiting_list.notifications.placeholders import PLACEHOLDERS
from waiting_list.problems import ENTRY_EXAMPLE, INVENTORY_EXAMPLE
from waiting_list.web.openapi_bodies import EVENT, OFFER, REPRESENTATION, TICKET, URL, Json

_KEY: Json = {"offer_id": "off_001", "representation_id": "rep_001"}
_LIST: Json = _KEY | {"event_id": "ev_001"}
_SHOWN_REPRESENTATION: Json = REPRESENTATION | {
    "representation_id": "rep_001",
    "moved_from": None,
    "cancelled_at": None,
    "cancelled_reason": None,
}
_ENTRY: Json = ENTRY_EXAMPLE
_WHY: Json = {"code": "nothing_free", "free": 0, "most_held": 4, "held_in": None, "draw_at": None}
_ESTIMATE: Json = {
    "seen_seconds": 1_209_600, "fans": 42, "tickets": 70, "earliest_seconds": 453_600, "latest_seconds": 669_600,
}  # fmt: skip
_READY: Json = _ENTRY | {
    "status": "ready",
    "tickets_held": 2,
    "position": None,
    "tickets_ahead": None,
    "ready_at": "2026-11-24T10:05:00Z",
    "ready_until": "2026-11-25T10:05:00Z",
    "purchase_pass": TICKET,
}
_LESS: Json = _READY | {"tickets_wanted": 1, "tickets_minimum": 1, "tickets_held": 1}
_PAUSED: Json = _ENTRY | {"paused_at": "2026-11-24T10:03:00Z"}
_AT: Json = {"left_at": "2026-11-24T10:10:00Z"}
_BOUGHT: Json = (
    _READY | _AT | {"status": "left", "left_reason": "bought", "tickets_held": 0, "purchase_pass": None}
)
_WISH_ID = "7d0c3a52-8d0e-5c0a-9a2f-1c1f6f0a2b11"
_LATER: Json = {"representation_id": "rep_002"}
_WISHED: Json = _ENTRY | {"wish_id": _WISH_ID}
_LEFT: Json = (
    _ENTRY | _AT | {"status": "left", "left_reason": "cancelled", "position": None, "tickets_ahead": None}
)
_STOCK: Json = INVENTORY_EXAMPLE
_STATE: Json = {"list_state": "open", "state_reason": None}
_DRAWN: Json = {"draw_commitment": None, "drawn_at": None}
_SETTINGS: Json = _LIST | _STATE | _DRAWN | {name: one.shown_default for name, one in SETTINGS.items()}
_NOT_PUBLIC = ("hold_grace_seconds", "open", "purchase_url", "reminder_minutes")
_COUNTS: Json = {
    "joins": 120, "promotions": 14, "purchases": 11, "tickets_bought": 21, "expiries": 2, "departures": 5,
}  # fmt: skip
_EMAILS: Json = {
    "emails": 17, "same_person": 1, "without_address": 2, "unverified": 0, "unsubscribed": 1,
}  # fmt: skip
_API_KEY: Json = {
    "key_id": "4f1c0d2e3a5b",
    "name": "Box office",
    "read_only": False,
    "scopes": ["stock"],
    "created_at": "2026-11-24T09:00:00Z",
    "expires_at": "2027-11-24T09:00:00Z",
    "last_used_at": "2026-11-24T10:05:00Z",
    "revoked_at": None,
}
_WEBHOOK: Json = {
    "webhook_id": "wh_5f2b9c1e0d3a4b6c",
    "url": URL,
    "description": "Shop",
    "types": ["entry.ready"],
    "notify_email": "ops@mail.example",
    "created_at": "2026-11-24T09:00:00Z",
    "rotated_at": None,
    "failing_since": None,
    "disabled_at": None,
    "disabled_reason": None,
}
_GATEWAY: Json = {
    "url": "https://sms.example/send",
    "prefixes": ["+33", "+49"],
    "gateway_id": "sms_5f2b9c1e0d3a4b6c",
    "created_at": "2026-11-24T09:00:00Z",
}
_NOTICE: Json = _KEY | {
    "notice_id": "0f8b9c1e-5a53-5b8e-9d6a-2f3c4d5e6f70",
    "channel": "webhook",
    "webhook_id": "wh_5f2b9c1e0d3a4b6c",
    "type": "entry.ready",
    "number": 1042,
    "status": "sent",
    "created_at": "2026-11-24T10:05:00Z",
    "due_at": "2026-11-24T10:05:00Z",
    "tries": 1,
    "tried_at": "2026-11-24T10:05:00Z",
    "ended_at": "2026-11-24T10:05:00Z",
    "answer_status": 204,
    "answer": "",
    "latency_ms": 38,
}
_EMAIL: Json = {"channel": "email", "webhook_id": None, "type": "ready", "answer_status": 250}
_CONTACT: Json = _KEY | {
    "number": 1042, "email": "ada@mail.example", "name": "Ada", "locale": "en", "email_verified": False,
    "subscribed": True,
}  # fmt: skip
_CHANGE: Json = {
    "sequence": 1207,
    "at": "2026-11-24T10:05:00Z",
    "actor": "service",
    "verb": "promote",
    "number": 1042,
    "user_id": "u1",
    "before": {"status": "waiting", "tickets_held": 0, "ready_at": None, "ready_until": None, "held": 0},
    "after": {
        "status": "ready",
        "tickets_held": 2,
        "ready_at": "2026-11-24T10:05:00+00:00",
        "ready_until": "2026-11-25T10:05:00+00:00",
        "held": 2,
    },
    "reason": None,
}
_LOOK: Json = {"name": "Le Quai Tickets", "logo_url": None, "accent": None, "colors": None, "languages": None}
_OF_EVENT: Json = EVENT | {
    "event_id": "ev_001",
    "organization_id": "org_001",
    "draft": False,
    "unlisted": False,
    "archived": False,
    "image_url": None,
}

EXAMPLES: Mapping[str, Json] = {
    "ChangedEntry": _ENTRY | {"promoted": []},
    "ChangedInventory": _STOCK | {"promoted": [_READY]},
    "ChangedSettings": _SETTINGS | {"promoted": []},
    "Change": _CHANGE,
    "Feed": {"items": [_LIST | _CHANGE], "next_after": "WzUsMTdd", "next_cursor": None},
    "CreatedKey": _API_KEY | {"last_used_at": None, "key": "wl_4f1c0d2e3a5b_" + "0123456789abcdef" * 4},
    "CreatedWebhook": _WEBHOOK | {"secret": "whsec_K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="},
    "Gateway": _GATEWAY,
    "SetGateway": _GATEWAY | {"secret": "whsec_bm90IGEgcmVhbCBzZWNyZXQgYnV0IGFzIGxvbmcgYXM="},
    "PhoneState": {
        "prefixes": ["+33", "+49"], "phone": "+33612345678", "verified": False, "failed": False,
        "code_until": "2026-11-24T10:15:00Z",
    },
    "Asked": {"alert_id": "5f0a7d7e-61a4-4a63-9d5c-2f6f4e0b9a11"},
    "Entry": _ENTRY,
    "UndoableEntry": _ENTRY | {"undo": "57-58"},
    "FanEntry": _ENTRY | {"why": _WHY, "estimate": _ESTIMATE},
    "OrganizersEntry": _ENTRY | {"why": _WHY, "unverified": False, "passed_over": 0, "address_failed": False},
    "Erasure": {"user_id": "u1", "waiting_lists": 1},
    "Event": _OF_EVENT,
    "EventSummary": _OF_EVENT | {"organizer": _LOOK} | {
        "representations": [_SHOWN_REPRESENTATION],
        "offers": [OFFER | {"offer_id": "off_001"}],
        "waiting_lists": [_KEY | {"open": True, "list_state": "open", "waiting": 17, "free": 0}],
    },
    "ExtendedHolds": {"extended": [1042, 1043], "skipped": [], "promoted": []},
    "Inventory": _STOCK | {"available_stock": 0, "held": 0},
    "KeptContact": _CONTACT,
    "KeyInfo": _API_KEY,
    "ListSettings": _SETTINGS,
    "ListSummary": _LIST | _STATE | {
        "open": True, "total_stock": 100, "available_stock": 2, "held": 2, "free": 0, "address_failed": 1,
        "entries": {"waiting": 17, "ready": 1, "left": 5}, "tickets": {"waiting": 31, "ready": 2, "left": 9},
        "oldest_joined_at": "2026-11-20T08:00:00Z",
    },
    "Liveness": {"status": "live"},
    "Lookalikes": {
        "signals": ["network", "burst"], "entries": 3, "tickets": 6,
        "first_joined_at": "2026-11-24T10:00:00Z", "last_joined_at": "2026-11-24T10:00:40Z",
        "numbers": [1040, 1041, 1042],
    },
    "Notice": _NOTICE,
    "Offer": OFFER | {"offer_id": "off_001"},
    "Organization": {
        "organization_id": "org_001", "sender_name": "Le Quai Tickets", "reply_to": "tickets@lequai.example",
        "contact": "https://lequai.example/help", "footer": {"en": "Le Quai, Paris", "fr": "Le Quai, Paris"},
        "personal_data_kept_days": 60, "accent": None, "logo_url": None, "languages": ["fr", "en"],
    },
    "PlaceTransfer": {
        "email": "bob@mail.example", "expires_at": "2026-11-26T10:00:00Z", "transferred_at": None,
    },
    "PrivateLink": {"url": "https://tickets.example/e/MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nw"},
    "PublicKeys": {
        "keys": [
            {
                "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "5f2b9c1e",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            }
        ]
    },
    "Queue": _LIST | {
        "version": 1207, "waiting": 17, "tickets_waiting": 31, "free": 0, "draws_at": None, "segment_bits": 30,
        "segments": [[0, 0, 0, 1180]],
    },
    "MailState": {"sends": True, "transport": "smtp", "seen_at": "2026-11-24T10:15:00Z"},
    "Readiness": {
        "status": "ready", "oldest_due_hold_seconds": 0.0, "oldest_due_notice_seconds": 0.0,
        "mail": {"sends": True, "transport": "smtp", "seen_at": "2026-11-24T10:15:00Z"}, "warnings": [],
    },
    "EmailExample": {"locale": "en", "subject": "Doors open earlier", "text": "Hello,\n\nThe doors open."},
    "EmailPreview": {
        "kind": "ready", "locale": "en", "subject": "2 for Jazz Festival: your turn!",
        "text": "Hello Ada,\n\nWonderful news.", "html": "<p>Wonderful news.</p>",
    },
    "EventWording": {
        "event_id": "ev_001", "placeholders": list(PLACEHOLDERS),
        "emails": [
            {
                "kind": "ready", "locale": "en", "subject": "{tickets} for {event}: your turn!",
                "opening": "Wonderful news from Olympia.",
            }
        ],
    },
    "EmailsOfList": _KEY | _EMAILS,
    "MessageResult": {
        "message_id": "0b6ff0f7-9d0c-4b0a-9c3e-6f6f7ac0d1c5", "preview": False, "emails": 17,
        "lists": [_KEY | _EMAILS], "examples": [],
    },
    "Redelivered": {"notices": 1},
    "RemovedEntries": {"removed": [1, 2], "skipped": [], "undo": "b7f1c0d2e3a4", "promoted": []},
    "Representation": _SHOWN_REPRESENTATION,
    "RestoredEntries": {"restored": [3, 4], "skipped": [], "promoted": []},
    "SignedOut": {"user_id": "u1", "signed_out_at": "2026-11-24T10:15:00Z"},
    "Statistics": {
        "period": "day",
        "periods": [
            {"period_at": "2026-11-24T00:00:00+01:00"} | _COUNTS | {"tickets_waiting": 31, "tickets_held": 4}
        ],
        **_COUNTS,
        "grants": 3,
        "conversion": 0.786,
        "median_wait_seconds": 5400.0,
    },
    "UserExport": {
        "user_id": "u1", "entries": [_ENTRY], "contacts": [_CONTACT], "history": [_CHANGE | _KEY],
        "notices": [_NOTICE | _EMAIL | {"body": None}],
        "sign_ins": [], "pushes": [], "phones": [], "suppressions": [], "alerts": [], "wishes": [],
        "transfers": [], "shared_links": [],
    },
    "LinkByEmail": {"entry": None, "token": None, "expires_at": None, "link": None, "mailed": True},
    "WishLinkByEmail": {"wish_id": None, "lists": None, "mailed": True},
    "WishByEmail": {
        "wish_id": _WISH_ID, "choice": "withdraw_when_bought", "state": "waiting",
        "created_at": "2026-11-24T10:00:00Z", "mailed": True,
        "lists": [
            _KEY | {
                "entry": _WISHED | {"user_id": "fan_Zm9ydHkgdHdvIHRpY2tldHM="}, "problem": None, "token": TICKET,
                "expires_at": "2026-12-24T10:00:00Z",
                "link": "https://lists.example/e/C2_w950MSwqePm9vesDRxXV3ZYR0b2tlbiBvZiBhIHBsYWNlLi4u",
            },
            _KEY | _LATER | dict.fromkeys(("entry", "problem", "token", "expires_at", "link")),
        ],
    },
    "PlaceByEmail": {
        "entry": _ENTRY | {"user_id": "fan_Zm9ydHkgdHdvIHRpY2tldHM="}, "token": TICKET,
        "expires_at": "2026-12-24T10:00:00Z", "mailed": True,
        "link": "https://lists.example/e/C2_w950MSwqePm9vesDRxXV3ZYR0b2tlbiBvZiBhIHBsYWNlLi4u",
    },
    "UserToken": {
        "token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl", "expires_at": "2026-11-24T11:00:00Z",
    },
    "Version": {"version": __version__},
    "WaitingList": _LIST | {
        "open": True, "closed_reason": None, "waiting": 17, "tickets_waiting": 31, "free": 0,
        "granted": 3, "max_quantity_per_order": 4, "max_places_per_person": None, "timezone": "Europe/Paris",
        "start_datetime": "2030-01-31T19:00:00Z", "moved_from": None,
        "ends_at": "2030-01-31T19:00:00Z", "organizer": _LOOK,
        **{name: value for name, value in _SETTINGS.items() if name not in _NOT_PUBLIC},
        "draw_randomness": None,
    },
    "Webhook": _WEBHOOK,
    "Wish": {
        "wish_id": _WISH_ID, "choice": "withdraw_when_bought", "state": "waiting",
        "created_at": "2026-11-24T10:00:00Z",
        "lists": [
            _KEY | {"entry": _WISHED, "problem": None},
            _KEY | _LATER | {"entry": _WISHED | _LATER | {"position": 3, "tickets_ahead": 5}, "problem": None},
        ],
    },
}  # fmt: skip
"""The answers of calls, by shape."""

ANSWERS: Mapping[str, Json] = {
    "buy": _BOUGHT | {"promoted": []},
    "buy_with_pass": _BOUGHT | {"promoted": []},
    "checkout": _READY | {"ready_until": "2026-11-25T10:20:00Z", "promoted": []},
    "checkout_with_pass": _READY | {"ready_until": "2026-11-25T10:20:00Z", "promoted": []},
    "extend": _READY | {"ready_until": "2030-01-28T09:00:00Z", "promoted": []},
    "give_back": _LESS,
    "give_back_for_user": _LESS | {"promoted": []},
    "grant": _READY | {"promoted": []},
    "cancel_representation": _SHOWN_REPRESENTATION
    | {"cancelled_at": "2026-11-24T10:05:00Z", "cancelled_reason": "The singer is ill. We are sorry."},
    "leave": _LEFT,
    "pause": _PAUSED,
    "pause_for_user": _PAUSED | {"promoted": []},
    "remove": _LEFT | {"left_reason": "removed", "promoted": []},
    "make_wish": EXAMPLES["Wish"]
    | {
        "lists": [
            _KEY | {"entry": _WISHED, "problem": None},
            _KEY
            | _LATER
            | {
                "entry": None,
                "problem": {
                    "type": "urn:waiting-list:problem:waiting_list_full",
                    "title": "The waiting list is full",
                    "status": 409,
                    "detail": "The list is full: 500 fans are waiting.",
                    "instance": "/v1/user/waiting-lists/off_001/rep_002/entry",
                    "code": "waiting_list_full",
                },
            },
        ]
    },
    "withdraw_wish": EXAMPLES["Wish"]
    | {
        "state": "withdrawn",
        "lists": [
            _KEY | {"entry": _LEFT | {"wish_id": _WISH_ID}, "problem": None},
            _KEY | _LATER | {"entry": _LEFT | _LATER | {"wish_id": _WISH_ID}, "problem": None},
        ],
    },
}
"""The answers of calls for which the example of the shape would be wrong."""

_HAPPENED = "2026-11-24T10:05:00+00:00"
_DATA: Mapping[str, Json] = {
    WebhookType.ENTRY_JOINED: {"entry": _ENTRY},
    WebhookType.ENTRY_CHANGED: {"entry": _ENTRY},
    WebhookType.ENTRY_READY: {"entry": _READY},
    WebhookType.ENTRY_GRANTED: {"entry": _READY},
    WebhookType.ENTRY_TRANSFERRED: {"entry": _ENTRY | {"user_id": "u2"}},
    WebhookType.ENTRY_LEFT: {"entry": _BOUGHT} | _STATE,
    WebhookType.LIST_OPENED: {"list": _SETTINGS, "reason": None},
    WebhookType.LIST_CLOSED: {
        "list": _SETTINGS | {"open": False, "list_state": "closed", "state_reason": "by_organizer"},
        "reason": "closed",
    },
    WebhookType.LIST_CHANGED: {
        "list": _SETTINGS,
        "changes": {
            "verb": "reschedule",
            "before": {"start_datetime": "2030-01-30T19:00:00+00:00"},
            "after": {"start_datetime": "2030-01-31T19:00:00+00:00"},
        },
    },
    WebhookType.STOCK_CHANGED: {"inventory": _STOCK},
}


def answer_example(call: str, shape: str) -> tuple[str, Json]:
    """Return the example of what a call answers with, after its name in the document."""
    if call in ANSWERS:
        return call, ANSWERS[call]
    if shape.endswith("Page"):
        return shape, {"items": [EXAMPLES[shape.removesuffix("Page")]], "next_cursor": None}
    return shape, EXAMPLES[shape]


def webhook_example(type_: str) -> Json:
    """Return the example of what a webhook receives."""
    if type_ in _DATA:
        data = {"sequence": 1207} | {
            name: {key: one for key, one in value.items() if key != "purchase_pass"} if name == "entry" else value
            for name, value in _DATA[type_].items()
        }
    elif type_ == WebhookType.EVENT_CHANGED:
        changes = {"before": {"venue_name": "Zénith"}, "after": {"venue_name": "Olympia"}}
        data = {"event": EXAMPLES["Event"], "changes": changes}
    elif type_ == WebhookType.CHECKPOINT_PUBLISHED:
        origin = "tickets.example/v1/user/waiting-lists/off_001/rep_001"
        root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
        note = f"{origin}\n1207\n{root}\n\n\N{EM DASH} {origin} Az3grl\N{HORIZONTAL ELLIPSIS}\n"
        data = {"offer_id": "off_001", "representation_id": "rep_001", "size": 1207, "checkpoint": note}
    elif type_ == "webhook.test":
        data = {"message": "This webhook works."}
    else:
        data = {"webhook_id": "wh_5f2b9c1e0d3a4b6c", "url": URL, "reason": "it answered 410 Gone"}
    return {"type": str(type_), "timestamp": _HAPPENED, "data": data}
