"""Give the bodies of the OpenAPI document's examples: what clients send.

openapi_examples.py has the answers, which tell the same story. Tests send every body to a running service.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]

EVENT: Json = {
    "title": "Jazz Festival",
    "description": "Three nights on the lake.",
    "thumbnail_url": None,
    "venue_name": "Olympia",
    "venue_address": "28 Boulevard des Capucines, Paris",
    "timezone": "Europe/Paris",
    "max_places_per_person": None,
}
REPRESENTATION: Json = {
    "event_id": "ev_001",
    "start_datetime": "2030-01-31T20:00:00+01:00",
    "end_datetime": "2030-01-31T23:00:00+01:00",
}
OFFER: Json = {
    "event_id": "ev_001",
    "name": "Floor",
    "type": "ticket",
    "max_quantity_per_order": 4,
    "description": "Standing.",
}
TICKET = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl"
URL = "https://shop.example/hooks/waiting-list"
_MESSAGE: Json = {
    "to": ["waiting", "ready"],
    "subject": {"en": "Doors open earlier"},
    "text": {"en": "The doors open at 19:00."},
}

_WORDING: Json = {
    "kind": "ready", "locale": "en", "subject": "{tickets} for {event}: your turn!",
    "opening": "Wonderful news from Olympia.",
}  # fmt: skip

BODIES: Mapping[str, Sequence[tuple[str, Json]]] = {
    "add_stock": [("Two tickets were returned", {"quantity": 2})],
    "add_total_stock": [("A new row of four seats", {"quantity": 4})],
    "buy": [
        ("The fan bought all held tickets", {}),
        ("The fan bought one ticket", {"quantity": 1}),
    ],
    "buy_with_pass": [
        ("The fan with this pass bought all held tickets", {"purchase_pass": TICKET}),
    ],
    "cancel_representation": [
        ("The singer is ill", {"reason": "The singer is ill. We are sorry."}),
        ("Without a reason", {}),
    ],
    "change": [("One ticket is enough", {"tickets_wanted": 2, "tickets_minimum": 1})],
    "change_for_user": [
        ("The fan asked by phone for fewer", {"tickets_wanted": 1, "reason": "Asked by phone"}),
    ],
    "change_organization": [
        ("Sender, answers and help", {
            "sender_name": "Le Quai Tickets", "reply_to": "tickets@lequai.example",
            "contact": "https://lequai.example/help",
        }),
        ("A footer in two languages", {"footer": {"en": "Le Quai, Paris", "fr": "Le Quai, Paris"}}),
        ("No contact any longer", {"contact": None}),
        ("French, and English for who asks for it", {"languages": ["fr", "en"]}),
        ("Fans are forgotten 60 days after the end of their list", {"personal_data_kept_days": 60}),
    ],
    "change_webhook": [
        ("Disable the webhook", {"disabled": True}),
        ("Receive only two types of events", {"types": ["entry.ready", "entry.left"], "disabled": False}),
    ],
    "change_wording": [
        ("A warmer e-mail when it is a fan's turn", {"emails": [_WORDING]}),
        ("Our words again", {"emails": [{"kind": "ready", "locale": "en"}]}),
    ],
    "checkout_with_pass": [("The fan with this pass is paying", {"purchase_pass": TICKET})],
    "configure": [
        ("Hold tickets for two hours", {"hold_minutes": 120}),
        ("Release tickets by hand", {"automatic": False}),
    ],
    "create_api_key": [
        ("A key for stock, for a year", {"name": "Box office", "scopes": ["stock"], "expires_in": 31_536_000}),
        ("A key that only reads", {"name": "Reports", "read_only": True}),
    ],
    "create_user_token": [
        ("A token for an hour", {"user_id": "u1"}),
        (
            "With a confirmed e-mail address",
            {"user_id": "u1", "expires_in": 900, "email": "ada@mail.example", "email_verified": True},
        ),
    ],
    "create_webhook": [
        ("Receive all events", {"url": URL}),
        (
            "Receive some events",
            {"url": URL, "description": "Shop", "types": ["entry.ready"], "notify_email": "ops@mail.example"},
        ),
    ],
    "ask_for_alert": [("By e-mail", {"email": "ada@mail.example", "locale": "en"})],
    "offer_transfer": [("To a friend", {"email": "bob@mail.example", "locale": "en"})],
    "extend": [
        ("Until Monday", {"until": "2030-01-28T10:00:00+01:00", "reason": "Waits for a bank transfer"}),
        ("Half an hour more", {"minutes": 30}),
    ],
    "extend_all": [
        ("The shop was away for an hour", {"minutes": 60, "reason": "The shop was away"}),
    ],
    "pause_for_user": [("The fan called", {"reason": "On holiday until June"}), ("Without a reason", {})],
    "unpause_for_user": [("The fan called again", {"reason": "Back from the holiday"})],
    "give_back": [("One ticket is not needed", {"quantity": 1})],
    "give_back_for_user": [("The fan asked by phone", {"quantity": 1})],
    "grant": [
        ("A wheelchair user gets a free ticket", {"tickets": 1, "reason": "Wheelchair user"}),
        ("Two more seats for the press", {"tickets": 2, "add_stock": True, "reason": "Press"}),
    ],
    "join": [
        ("Two tickets, or at least one", {"tickets_wanted": 2, "tickets_minimum": 1}),
        (
            "Four tickets: any number now, and the rest later",
            {"tickets_wanted": 4, "tickets_minimum": 1, "keep_waiting_for_rest": True},
        ),
        ("With an e-mail address", {"tickets_wanted": 2, "email": "ada@mail.example", "locale": "en"}),
    ],
    "join_by_email": [
        ("One ticket", {"email": "cleo@mail.example", "tickets_wanted": 1}),
        (
            "With a name and a language",
            {"email": "dora@mail.example", "name": "Dora", "tickets_wanted": 2, "locale": "fr"},
        ),
    ],
    "join_for_user": [
        (
            "A fan joins by phone",
            {"user_id": "u2", "tickets_wanted": 1, "email": "bob@mail.example", "email_verified": True},
        ),
    ],
    "make_wish": [
        (
            "Either evening",
            {
                "lists": [
                    {"offer_id": "off_001", "representation_id": "rep_001"},
                    {"offer_id": "off_001", "representation_id": "rep_002"},
                ],
                "tickets_wanted": 2,
            },
        ),
        (
            "Seats or standing; the other place goes as soon as tickets are held",
            {
                "lists": [
                    {"offer_id": "off_001", "representation_id": "rep_001"},
                    {"offer_id": "off_002", "representation_id": "rep_001"},
                ],
                "tickets_wanted": 1,
                "choice": "withdraw_when_held",
            },
        ),
    ],
    "make_wish_by_email": [
        (
            "Either evening",
            {
                "lists": [
                    {"offer_id": "off_001", "representation_id": "rep_001"},
                    {"offer_id": "off_001", "representation_id": "rep_002"},
                ],
                "email": "fred@mail.example",
                "tickets_wanted": 2,
            },
        ),
    ],
    "move": [
        ("Next in line", {"to": "first", "reason": "Wheelchair user"}),
        ("Last in line", {"to": "last"}),
        ("Ahead of another fan", {"before": "u2"}),
    ],
    "draw": [("The value of the source that was named", {"randomness": "3 17 21 29 40 44"})],
    "preview_wording": [
        ("The stored words", {"kind": "ready", "locale": "en"}),
        ("Other words", _WORDING),
    ],
    "promote": [("Release two tickets", {"tickets": 2})],
    "put_event": [("A show", EVENT)],
    "put_inventory": [("A show that is sold out", {"total_stock": 100, "available_stock": 0})],
    "put_offer": [("A ticket type", OFFER)],
    "put_representation": [("One evening", REPRESENTATION)],
    "redeliver": [
        ("All dead deliveries", {"status": "dead"}),
        ("One delivery", {"notice_id": "0f8b9c1e-5a53-5b8e-9d6a-2f3c4d5e6f70"}),
    ],
    "message": [
        ("How many fans would get it, and how it looks", _MESSAGE | {"preview": True}),
        ("Send it", _MESSAGE | {"reason": "The venue has changed the hours"}),
    ],
    "message_event": [("To the waiting fans of all lists", _MESSAGE | {"to": ["waiting"]})],
    "remove_lookalikes": [("Remove two entries", {"numbers": [1, 2], "reason": "One buyer with two accounts"})],
    "remove_stock": [
        ("A free ticket was sold at the door", {"quantity": 1}),
        ("Two tickets are withdrawn, even if they are held", {"quantity": 2, "revoke_holds": True}),
    ],
    "remove_total_stock": [("Four seats are gone", {"quantity": 4})],
    "restore": [("Undo a removal", {"undo": "b7f1c0d2e3a4"})],
    "rotate_api_key": [("The old key stays valid for an hour", {"overlap": 3600})],
    "undo": [("Undo a change", {"undo": "57-58"})],
    "set_gateway": [
        ("Text French and German numbers", {"url": "https://sms.example/send", "prefixes": ["+33", "+49"]}),
    ],
    "set_phone": [("A mobile number", {"phone": "+33612345678", "locale": "en"})],
    "test_gateway": [("A text message to a number of yours", {"phone": "+33612345678", "locale": "en"})],
    "verify_phone": [("The code from the text message", {"code": "042917"})],
    "set_contact": [("A new address", {"email": "ada@mail.example", "name": "Ada", "locale": "en"})],
}  # fmt: skip
"""The bodies of each call, each with what it is for."""
