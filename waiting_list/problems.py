"""Define the problems with which the API refuses a call: one class for each code of the HTTP contract.

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
    ├── InternalError           500 internal_error (a defect of the service; it changed no data)
    └── Unavailable             503 unavailable

The same classes make the answers (RFC 9457), the OpenAPI document and docs/problems.md. The docstring of a class
says when the API answers with it. `example` shows the extra fields that the answer carries.
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
    """A refused call. The code that raises it has changed no data.

    `detail` is a sentence for people: what is wrong, then what to do. `extra` holds the fields that this code adds
    to the answer. `headers` are HTTP headers of the answer.
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

    @classmethod
    def kinds(cls) -> "list[type[Problem]]":
        """Return every class below this one that has a code of its own, and is raised."""
        below = [kind for child in cls.__subclasses__() for kind in (child, *child.kinds())]
        return [kind for kind in below if kind is not Conflict]


class InvalidRequest(Problem):
    """The request has malformed JSON, an unknown field, a value of the wrong type or range, or an invalid filter,
    cursor or id. The `errors` name each field."""

    code, status, title = "invalid_request", 422, "The request is malformed"
    example: ClassVar[Mapping[str, Any]] = {
        "errors": [{"field": "body.tickets_wanted", "message": "Input should be greater than or equal to 1"}]
    }

    @classmethod
    def of(cls, field: str, message: str) -> "InvalidRequest":
        """Make the problem of a single field."""
        return cls(f"{field}: {message}", errors=[{"field": field, "message": message}])


class UnsupportedMediaType(InvalidRequest):
    """The body is not JSON, or its `Content-Type` does not say so."""

    code, status, title = "unsupported_media_type", 415, "The body is not JSON"
    example: ClassVar[Mapping[str, Any]] = {}


class BodyTooLarge(InvalidRequest):
    """The body is larger than 64 KiB."""

    code, status, title = "body_too_large", 413, "The body is too large"
    example: ClassVar[Mapping[str, Any]] = {}


class Unauthenticated(Problem):
    """The request has no credentials, or they are invalid or have expired."""

    code, status, title = "unauthenticated", 401, "Valid credentials are required"


class Forbidden(Problem):
    """The credentials are valid, but do not allow this call."""

    code, status, title = "forbidden", 403, "These credentials do not allow this call"


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


class NotFound(Problem):
    """The path does not exist."""

    code, status, title = "not_found", 404, "Not found"


class EventNotFound(NotFound):
    """The event does not exist, or belongs to another organization."""

    code, title = "event_not_found", "Event not found"


class RepresentationNotFound(NotFound):
    """The representation does not exist, or belongs to another organization."""

    code, title = "representation_not_found", "Representation not found"


class OfferNotFound(NotFound):
    """The offer does not exist, or belongs to another organization."""

    code, title = "offer_not_found", "Offer not found"


class InventoryNotFound(NotFound):
    """The offer has no inventory at this representation, or it belongs to another organization."""

    code, title = "inventory_not_found", "Inventory not found"

    def __init__(self) -> None:
        super().__init__("This offer has no inventory at this representation, and so no waiting list.")


class ApiKeyNotFound(NotFound):
    """The API key does not exist, or belongs to another organization."""

    code, title = "api_key_not_found", "API key not found"


class WebhookNotFound(NotFound):
    """The webhook does not exist, or belongs to another organization."""

    code, title = "webhook_not_found", "Webhook not found"

    def __init__(self) -> None:
        super().__init__("There is no such webhook.")


class NoticeNotFound(NotFound):
    """The notice does not exist or has been deleted, or belongs to another organization or another webhook."""

    code, title = "notice_not_found", "Notice not found"


class NotInList(NotFound):
    """The user has never joined this list."""

    code, title = "not_in_list", "The user is not in this waiting list"


class MethodNotAllowed(Problem):
    """The path exists, but does not support this method."""

    code, status, title = "method_not_allowed", 405, "The path does not support this method"


class Conflict(Problem):
    """The request is well formed, but the state of the list does not allow it."""

    code, status, title = "conflict", 409, "The current state does not allow this request"


class WaitingListNotOpen(Conflict):
    """Tickets are still on sale and the list has not opened, or an organizer closed the list."""

    code, title = "waiting_list_not_open", "The waiting list is not open"


class WaitingListEnded(Conflict):
    """The representation has begun, or `closes_at` has passed."""

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


class NotWaiting(Conflict):
    """The entry is ready, and can no longer be changed or moved. The problem carries the `entry`."""

    code, title = "not_waiting", "The user is no longer waiting"
    example: ClassVar[Mapping[str, Any]] = {
        "entry": ENTRY_EXAMPLE | {"status": "ready", "tickets_held": 2, "position": None, "tickets_ahead": None}
    }


class HoldExpired(Conflict):
    """`ready_until` has passed, even if the worker has not expired the hold yet."""

    code, title = "hold_expired", "The hold has expired"


class ExceedsTotalStock(Conflict):
    """The stock would exceed the total stock. The problem carries the `maximum` that can be added."""

    code, title = "exceeds_total_stock", "The stock would exceed the total stock"
    example: ClassVar[Mapping[str, Any]] = {"maximum": 3}


class NotEnoughStock(Conflict):
    """The call would remove more tickets than are available. The problem carries how many are `available`."""

    code, title = "not_enough_stock", "Not enough tickets are available"
    example: ClassVar[Mapping[str, Any]] = {"available": 3}


class StockHeld(Conflict):
    """The call would remove tickets that are held for ready users. The problem carries how many are `free`."""

    code, title = "stock_held", "The tickets are held for ready users"
    example: ClassVar[Mapping[str, Any]] = {"free": 1}


class TooManyWebhooks(Conflict):
    """The organization has the maximum number of webhooks. The problem carries the `maximum`."""

    code, title = "too_many_webhooks", "The organization has the maximum number of webhooks"
    example: ClassVar[Mapping[str, Any]] = {"maximum": 20}


class IdTaken(Conflict):
    """Another organization uses this id."""

    code, title = "id_taken", "The id is already in use"


class HasDependents(Conflict):
    """Other objects depend on this one. Delete them first."""

    code, title = "has_dependents", "Other objects depend on this one"


class TooManyTickets(Problem):
    """The user wants more tickets than the offer's `max_quantity_per_order`. The problem carries the `maximum`."""

    code, status, title = "too_many_tickets", 422, "Too many tickets for one order"
    example: ClassVar[Mapping[str, Any]] = {"maximum": 4}


class WrongQuantity(Problem):
    """The call would buy more tickets than are held. The problem carries how many are `held`."""

    code, status, title = "wrong_quantity", 422, "More tickets than are held"
    example: ClassVar[Mapping[str, Any]] = {"held": 2}


class IdempotencyKeyReused(Problem):
    """The caller has already used this Idempotency-Key for a different request."""

    code, status, title = "idempotency_key_reused", 422, "The Idempotency-Key was used for a different request"


class RequestTimeout(Problem):
    """The body took longer than ten seconds to arrive."""

    code, status, title = "request_timeout", 408, "The request took too long to arrive"


class RateLimited(Problem):
    """The caller, the address, the fan or the organization has reached a limit.
    `Retry-After` says how many seconds to wait."""

    code, status, title = "rate_limited", 429, "Too many requests"

    def __init__(self, detail: str = "Too many requests. Wait, then try again.", *, seconds: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(seconds)})


class InternalError(Problem):
    """The service has a defect. It rolled the transaction back and changed no data."""

    code, status, title = "internal_error", 500, "Something went wrong on our side"


class Unavailable(Problem):
    """The service cannot reach the database, or too many requests or exports are waiting. The request is safe to
    repeat."""

    code, status, title = "unavailable", 503, "The service is temporarily unavailable"

    def __init__(self, detail: str = "The service cannot answer right now. Try again in a moment.") -> None:
        super().__init__(detail, headers={"Retry-After": "1"})
