"""Define the problems of entries: of fans who join, change, leave or buy."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from waiting_list.problems.problem import Conflict, NotFound, Problem

ENTRY_EXAMPLE: dict[str, Any] = {
    "offer_id": "off_001",
    "representation_id": "rep_001",
    "event_id": "ev_001",
    "user_id": "u1",
    "status": "waiting",
    "left_reason": None,
    "tickets_wanted": 2,
    "tickets_minimum": 2,
    "tickets_held": 0,
    "number": 1042,
    "rank": 1042000000,
    "position": 17,
    "tickets_ahead": 31,
    "joined_at": "2026-11-24T10:00:00Z",
    "ready_at": None,
    "ready_until": None,
    "left_at": None,
    "keep_waiting_for_rest": False,
    "paused_at": None,
    "wish_id": None,
    "set_aside_at": None,
    "purchase_pass": None,
}


class ChallengeRequired(Problem):
    """The list requires a solved challenge from fans who join. The problem carries the `challenge`. Solve it, and
    repeat the request with the solution in the body's `challenge`."""

    code, status, title = "challenge_required", 403, "A challenge must be solved first"
    example: ClassVar[Mapping[str, Any]] = {
        "challenge": {
            "token": "arM_dw_sGmBzuQ-3T2nVgTeCxV0y8hQe",
            "puzzles": 16,
            "bits": 16,
            "expires_at": "2026-11-24T10:05:00Z",
        }
    }

    def __init__(self, detail: str, *, bits: int, **extra: Any) -> None:
        super().__init__(detail, **extra)
        self.bits = bits
        """How many zero bits each puzzle requires."""


class WishNotFound(NotFound):
    """The user has no such wish, or the wish does not name this list."""

    code, title = "wish_not_found", "No such wish"


class WishFulfilled(Conflict):
    """Another list has fulfilled the wish, so this one takes no entry for it."""

    code, title = "wish_fulfilled", "The wish is fulfilled"


class NotInList(NotFound):
    """The user has never joined this list."""

    code, title = "not_in_list", "The user is not in this waiting list"


class WaitingListNotOpen(Conflict):
    """Tickets are still on sale and the list has not opened, or an organizer closed the list."""

    code, title = "waiting_list_not_open", "The waiting list is not open"


class WaitingListOpen(Conflict):
    """Fans can join the list now, so it takes no alert."""

    code, title = "waiting_list_open", "The waiting list is open"


class WaitingListEnded(Conflict):
    """The representation has begun, or `closes_at` has passed, even if the worker has not ended the list yet."""

    code, title = "waiting_list_ended", "The waiting list has ended"


class WaitingListFull(Conflict):
    """The list already has `max_waiting` waiting fans."""

    code, title = "waiting_list_full", "The waiting list is full"


class AlreadyInList(Conflict):
    """The user has an active entry in this list. The problem carries the `entry`."""

    code, title = "already_in_list", "The user is already in this waiting list"
    example: ClassVar[Mapping[str, Any]] = {"entry": ENTRY_EXAMPLE}


class TooManyPlaces(Conflict):
    """The event has `max_places_per_person`, and the user already waits on that many of its other lists. The
    problem carries the `maximum`."""

    code, title = "too_many_places", "The user already waits on the maximum number of lists of this event"
    example: ClassVar[Mapping[str, Any]] = {"maximum": 1}


class AddressTaken(Conflict):
    """The list has `one_place_per_address`, and this verified mailbox already has a place."""

    code, title = "address_taken", "This mailbox already has a place in this waiting list"


class TransferNotAllowed(Conflict):
    """The list does not have `transfer`. Or the place was given on before, is part of a wish,
    or the fan's address is unverified."""

    code, title = "transfer_not_allowed", "This place cannot be given to another person"


class AlreadyLeft(Conflict):
    """The user has left this list. The problem carries the `entry`."""

    code, title = "already_left", "The user has already left this waiting list"
    example: ClassVar[Mapping[str, Any]] = {
        "entry": ENTRY_EXAMPLE
        | {"status": "left", "left_reason": "cancelled", "position": None, "tickets_ahead": None}
    }


class NotReady(Conflict):
    """The user still waits, and cannot buy. The problem carries the `entry`."""

    code, title = "not_ready", "It is not this user's turn yet"
    example: ClassVar[Mapping[str, Any]] = {"entry": ENTRY_EXAMPLE}


class NotDrawn(Conflict):
    """The order of the list is drawn by lot, and the draw has not been held: no fan stands before another. The
    problem carries `draw_at`."""

    code, title = "not_drawn", "The order has not been drawn yet"
    example: ClassVar[Mapping[str, Any]] = {"draw_at": "2026-11-27T10:00:00Z"}


class CannotDraw(Conflict):
    """The order of the list is by arrival, its `draw_at` lies ahead, or the draw was held with another value."""

    code, title = "cannot_draw", "The draw cannot be held now"


class NotWaiting(Conflict):
    """The entry is ready, and can no longer be changed or moved. The problem carries the `entry`."""

    code, title = "not_waiting", "The user is no longer waiting"
    example: ClassVar[Mapping[str, Any]] = {
        "entry": ENTRY_EXAMPLE | {"status": "ready", "tickets_held": 2, "position": None, "tickets_ahead": None}
    }


class HoldExpired(Conflict):
    """`ready_until` has passed, even if the worker has not expired the hold yet."""

    code, title = "hold_expired", "The hold has expired"


class CheckoutUsed(Conflict):
    """The hold was already extended for a checkout. The problem carries the `entry`."""

    code, title = "checkout_used", "The hold was already extended for a checkout"
    example: ClassVar[Mapping[str, Any]] = {
        "entry": ENTRY_EXAMPLE | {"status": "ready", "tickets_held": 2, "position": None, "tickets_ahead": None}
    }


class TooManyTickets(Problem):
    """The user wants more tickets than the offer's `max_quantity_per_order`, or accepts only more than the total
    stock. The problem carries the `maximum`, the smaller of both."""

    code, status, title = "too_many_tickets", 422, "Too many tickets for one order"
    example: ClassVar[Mapping[str, Any]] = {"maximum": 4}


class EmailRequired(Problem):
    """The list has `email_required` or `verify_email`, and the entry would have no e-mail address."""

    code, status, title = "email_required", 422, "The list requires an e-mail address"


class TooManyMessages(Problem):
    """The list has had the most messages that it takes within 24 hours. `Retry-After` says how many seconds to
    wait."""

    code, status, title = "too_many_messages", 429, "Too many messages to the fans of this list"

    def __init__(self, detail: str = "", *, seconds: float = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(max(1, math.ceil(seconds)))})


class WrongQuantity(Problem):
    """The call would buy or give back more tickets than are held. The problem carries how many are `held`."""

    code, status, title = "wrong_quantity", 422, "More tickets than are held"
    example: ClassVar[Mapping[str, Any]] = {"held": 2}
