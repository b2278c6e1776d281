"""Every way a call can be refused: one class per code of the HTTP contract.

    Problem
    ├── InvalidRequest          422 invalid_request
    │   ├── UnsupportedMediaType 415 unsupported_media_type
    │   └── BodyTooLarge         413 body_too_large
    ├── Unauthenticated         401 unauthenticated
    ├── Forbidden               403 forbidden
    ├── ChallengeRequired       403 challenge_required
    ├── NotFound                404 not_found (no such path)
    │   ├── EventNotFound        404 event_not_found
    │   ├── RepresentationNotFound 404 representation_not_found
    │   ├── OfferNotFound        404 offer_not_found
    │   ├── InventoryNotFound    404 inventory_not_found
    │   ├── ApiKeyNotFound       404 api_key_not_found
    │   ├── WebhookNotFound      404 webhook_not_found
    │   ├── NoticeNotFound       404 notice_not_found
    │   └── NotInList            404 not_in_list
    ├── MethodNotAllowed        405 method_not_allowed
    ├── Conflict                409 (never raised itself)
    │   ├── WaitingListNotOpen   waiting_list_not_open
    │   ├── WaitingListEnded     waiting_list_ended
    │   ├── WaitingListFull      waiting_list_full
    │   ├── AlreadyInList        already_in_list
    │   ├── AddressTaken         address_taken
    │   ├── TooManyPlaces        too_many_places
    │   ├── AlreadyLeft          already_left
    │   ├── NotReady             not_ready
    │   ├── NotWaiting           not_waiting
    │   ├── HoldExpired          hold_expired
    │   ├── ExceedsTotalStock    exceeds_total_stock
    │   ├── NotEnoughStock       not_enough_stock
    │   ├── StockHeld            stock_held
    │   ├── TooManyWebhooks      too_many_webhooks
    │   ├── IdTaken              id_taken
    │   └── HasDependents        has_dependents
    ├── TooManyTickets          422 too_many_tickets
    ├── WrongQuantity           422 wrong_quantity
    ├── RequestTimeout          408 request_timeout
    ├── IdempotencyKeyReused    422 idempotency_key_reused
    ├── RateLimited             429 rate_limited
    ├── InternalError           500 internal_error (a defect of ours; nothing was changed)
    └── Unavailable             503 unavailable

The same classes make the answers (RFC 9457), the OpenAPI document and docs/problems.md. A class says
when it applies in its docstring, and shows what it carries besides in `example`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

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
    "purchase_pass": None,
}


class Problem(Exception):
    """A refused call. Whoever raises it has changed nothing.

    `detail` is a sentence for people; `extra` is what the code carries besides (API.md's table);
    `headers` are HTTP headers that belong to the answer.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    example: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra
        self.headers = dict(headers or {})


class InvalidRequest(Problem):
    """Malformed JSON, a wrong type, an unknown field, a number out of range, a bad filter, cursor or id."""

    code, status, title = "invalid_request", 422, "The request is malformed"
    example: ClassVar[Mapping[str, Any]] = {
        "errors": [{"field": "body.tickets_wanted", "message": "Input should be greater than or equal to 1"}]
    }

    @classmethod
    def of(cls, field: str, message: str) -> "InvalidRequest":
        """The problem of a single field."""
        return cls(f"{field}: {message}", errors=[{"field": field, "message": message}])


class UnsupportedMediaType(InvalidRequest):
    """A body that is not JSON."""

    code, status, title = "unsupported_media_type", 415, "The body is not JSON"
    example: ClassVar[Mapping[str, Any]] = {}


class BodyTooLarge(InvalidRequest):
    """A body over 64 KiB."""

    code, status, title = "body_too_large", 413, "The body is too large"
    example: ClassVar[Mapping[str, Any]] = {}


class Unauthenticated(Problem):
    """No credentials, or bad or expired ones."""

    code, status, title = "unauthenticated", 401, "Valid credentials are needed"


class Forbidden(Problem):
    """Valid credentials without the right to make this call."""

    code, status, title = "forbidden", 403, "These credentials may not do that"


class ChallengeRequired(Problem):
    """The list asks fans who join to solve a challenge. Carries the `challenge`: solve it, and send the same again
    with the solution as the body's `challenge` (docs/bots.md)."""

    code, status, title = "challenge_required", 403, "A challenge has to be solved"
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
        """Zero bits that each puzzle has to ask for."""


class NotFound(Problem):
    """No such path."""

    code, status, title = "not_found", 404, "There is nothing here"


class EventNotFound(NotFound):
    """The event does not exist, or is another organization's."""

    code, title = "event_not_found", "No such event"


class RepresentationNotFound(NotFound):
    """The representation does not exist, or is another organization's."""

    code, title = "representation_not_found", "No such representation"


class OfferNotFound(NotFound):
    """The offer does not exist, or is another organization's."""

    code, title = "offer_not_found", "No such offer"


class InventoryNotFound(NotFound):
    """The pair of offer and representation has no inventory, or it is another organization's."""

    code, title = "inventory_not_found", "No such inventory"

    def __init__(self) -> None:
        super().__init__("This offer has no stock, and so no waiting list, at this representation.")


class ApiKeyNotFound(NotFound):
    """The API key does not exist, or is another organization's."""

    code, title = "api_key_not_found", "No such API key"


class WebhookNotFound(NotFound):
    """The webhook does not exist, or is another organization's."""

    code, title = "webhook_not_found", "No such webhook"

    def __init__(self) -> None:
        super().__init__("There is no such webhook.")


class NoticeNotFound(NotFound):
    """The notice does not exist, or not any more, or is another organization's or another webhook's."""

    code, title = "notice_not_found", "No such notice"


class NotInList(NotFound):
    """The user never had an entry in this list, open or not."""

    code, title = "not_in_list", "The user is not in this waiting list"


class MethodNotAllowed(Problem):
    """The path exists, but not with this method."""

    code, status, title = "method_not_allowed", 405, "The path does not take this method"


class Conflict(Problem):
    """The request is well formed, but the state of the list does not allow it."""

    code, status, title = "conflict", 409, "The state does not allow that"


class WaitingListNotOpen(Conflict):
    """Tickets are still on sale and the list never opened, or an organizer closed it by hand."""

    code, title = "waiting_list_not_open", "The waiting list is not open"


class WaitingListEnded(Conflict):
    """The representation has begun, or `closes_at` has passed."""

    code, title = "waiting_list_ended", "The waiting list has ended"


class WaitingListFull(Conflict):
    """`max_waiting` fans wait already."""

    code, title = "waiting_list_full", "The waiting list is full"


class AlreadyInList(Conflict):
    """The user has an active entry in this list. Carries it."""

    code, title = "already_in_list", "The user is already in this waiting list"
    example: ClassVar[Mapping[str, Any]] = {"entry": ENTRY_EXAMPLE}


class TooManyPlaces(Conflict):
    """The event has `max_places_per_person`, and the user waits on that many of its other lists. Carries the
    `maximum`."""

    code, title = "too_many_places", "The user waits on as many lists of this event as one person may"
    example: ClassVar[Mapping[str, Any]] = {"maximum": 1}


class AddressTaken(Conflict):
    """The list has `one_place_per_address`, and this verified mailbox has a place."""

    code, title = "address_taken", "This mailbox already has a place in this waiting list"


class AlreadyLeft(Conflict):
    """The user has left this list. Carries the entry."""

    code, title = "already_left", "The user has already left this waiting list"
    example: ClassVar[Mapping[str, Any]] = {
        "entry": ENTRY_EXAMPLE
        | {"status": "left", "left_reason": "cancelled", "position": None, "tickets_ahead": None}
    }


class NotReady(Conflict):
    """Buying while waiting. Carries the entry."""

    code, title = "not_ready", "It is not this user's turn yet"
    example: ClassVar[Mapping[str, Any]] = {"entry": ENTRY_EXAMPLE}


class NotWaiting(Conflict):
    """Changing or moving an entry that is ready. Carries it."""

    code, title = "not_waiting", "The user is no longer waiting"
    example: ClassVar[Mapping[str, Any]] = {
        "entry": ENTRY_EXAMPLE | {"status": "ready", "tickets_held": 2, "position": None, "tickets_ahead": None}
    }


class HoldExpired(Conflict):
    """Buying after `ready_until`, before or after the lapse was noticed."""

    code, title = "hold_expired", "The hold has run out"


class ExceedsTotalStock(Conflict):
    """Adding beyond the total stock. Carries the `maximum` that can be added."""

    code, title = "exceeds_total_stock", "More than the total stock"
    example: ClassVar[Mapping[str, Any]] = {"maximum": 3}


class NotEnoughStock(Conflict):
    """Removing more than is available. Carries what is `available`."""

    code, title = "not_enough_stock", "Not that many tickets are available"
    example: ClassVar[Mapping[str, Any]] = {"available": 3}


class StockHeld(Conflict):
    """Removing tickets that are held for ready users. Carries how many are `free`."""

    code, title = "stock_held", "The tickets are held"
    example: ClassVar[Mapping[str, Any]] = {"free": 1}


class TooManyWebhooks(Conflict):
    """The organization has as many webhooks as it may. Carries the `maximum`."""

    code, title = "too_many_webhooks", "No more webhooks"
    example: ClassVar[Mapping[str, Any]] = {"maximum": 20}


class IdTaken(Conflict):
    """The id is used by another organization, or by another kind of owner."""

    code, title = "id_taken", "The id is taken"


class HasDependents(Conflict):
    """Something else hangs on the object."""

    code, title = "has_dependents", "Something hangs on this"


class TooManyTickets(Problem):
    """More tickets than the offer's `max_quantity_per_order`. Carries the `maximum`."""

    code, status, title = "too_many_tickets", 422, "More tickets than one order may have"
    example: ClassVar[Mapping[str, Any]] = {"maximum": 4}


class WrongQuantity(Problem):
    """Buying more than is held. Carries how many are `held`."""

    code, status, title = "wrong_quantity", 422, "More tickets than are held"
    example: ClassVar[Mapping[str, Any]] = {"held": 2}


class IdempotencyKeyReused(Problem):
    """The Idempotency-Key was used for a different request."""

    code, status, title = "idempotency_key_reused", 422, "The Idempotency-Key was used for another request"


class RequestTimeout(Problem):
    """The body took longer than ten seconds to arrive."""

    code, status, title = "request_timeout", 408, "The request took too long to arrive"


class RateLimited(Problem):
    """Too many requests from one caller or address, joins of one fan in one list, or exports of one organization;
    `Retry-After` says when to come back."""

    code, status, title = "rate_limited", 429, "Too many requests"

    def __init__(self, detail: str = "Too many requests.", *, seconds: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(seconds)})


class InternalError(Problem):
    """A defect of this service. The transaction was rolled back: nothing was changed."""

    code, status, title = "internal_error", 500, "Something went wrong on our side"


class Unavailable(Problem):
    """The database cannot be reached, too many requests wait for one list, or too many exports are under way. Safe
    to repeat."""

    code, status, title = "unavailable", 503, "Please try again in a moment"

    def __init__(self, detail: str = "The service cannot answer right now.") -> None:
        super().__init__(detail, headers={"Retry-After": "1"})
