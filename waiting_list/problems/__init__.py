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
    │   ├── LedgerNotPublic      404 ledger_not_public
    │   ├── TileNotFound         404 tile_not_found
    │   ├── ChangeNotFound       404 change_not_found
    │   ├── ApiKeyNotFound       404 api_key_not_found
    │   ├── WebhookNotFound      404 webhook_not_found
    │   ├── GatewayNotFound      404 gateway_not_found
    │   ├── NoticeNotFound       404 notice_not_found
    │   ├── WishNotFound         404 wish_not_found
    │   └── NotInList            404 not_in_list
    ├── MethodNotAllowed        405 method_not_allowed
    ├── Conflict                409 (never raised itself)
    │   ├── WaitingListNotOpen   waiting_list_not_open
    │   ├── WaitingListOpen      waiting_list_open
    │   ├── WaitingListEnded     waiting_list_ended
    │   ├── WaitingListFull      waiting_list_full
    │   ├── AlreadyInList        already_in_list
    │   ├── AddressTaken         address_taken
    │   ├── TooManyPlaces        too_many_places
    │   ├── TransferNotAllowed   transfer_not_allowed
    │   ├── AlreadyLeft          already_left
    │   ├── NotReady             not_ready
    │   ├── NotWaiting           not_waiting
    │   ├── NotDrawn             not_drawn
    │   ├── CannotDraw           cannot_draw
    │   ├── WishFulfilled        wish_fulfilled
    │   ├── HoldExpired          hold_expired
    │   ├── CheckoutUsed         checkout_used
    │   ├── ExceedsTotalStock    exceeds_total_stock
    │   ├── NotEnoughStock       not_enough_stock
    │   ├── StockHeld            stock_held
    │   ├── TooManyWebhooks      too_many_webhooks
    │   ├── WouldEndList         would_end_list
    │   ├── IdTaken              id_taken
    │   └── HasDependents        has_dependents
    ├── EmailRequired           422 email_required
    ├── TooManyMessages         429 too_many_messages
    ├── TooManyTickets          422 too_many_tickets
    ├── WrongQuantity           422 wrong_quantity
    ├── RequestTimeout          408 request_timeout
    ├── StaleVersion            412 stale_version
    ├── IdempotencyKeyReused    422 idempotency_key_reused
    ├── RateLimited             429 rate_limited
    ├── InternalError           500 internal_error (a defect of the service; it changed no data)
    └── Unavailable             503 unavailable

A module has the problems of one subject: entries, stock, catalogue, requests. The same classes make the answers
(RFC 9457), the OpenAPI document and docs/problems.md. The docstring of a class says when the API answers with it.
`example` shows the extra fields that the answer carries.
"""

from waiting_list.problems.catalogue import (
    ApiKeyNotFound,
    ChangeNotFound,
    EventNotFound,
    GatewayNotFound,
    HasDependents,
    IdTaken,
    InventoryNotFound,
    LedgerNotPublic,
    NoticeNotFound,
    OfferNotFound,
    RepresentationNotFound,
    TileNotFound,
    TooManyWebhooks,
    WebhookNotFound,
    WouldEndList,
)
from waiting_list.problems.entries import (
    ENTRY_EXAMPLE,
    AddressTaken,
    AlreadyInList,
    AlreadyLeft,
    CannotDraw,
    ChallengeRequired,
    CheckoutUsed,
    EmailRequired,
    HoldExpired,
    NotDrawn,
    NotInList,
    NotReady,
    NotWaiting,
    TooManyMessages,
    TooManyPlaces,
    TooManyTickets,
    TransferNotAllowed,
    WaitingListEnded,
    WaitingListFull,
    WaitingListNotOpen,
    WaitingListOpen,
    WishFulfilled,
    WishNotFound,
    WrongQuantity,
)
from waiting_list.problems.problem import Conflict, NotFound, Problem
from waiting_list.problems.requests import (
    BodyTooLarge,
    Forbidden,
    IdempotencyKeyReused,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    RateLimited,
    RequestTimeout,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)
from waiting_list.problems.stock import (
    INVENTORY_EXAMPLE,
    ExceedsTotalStock,
    NotEnoughStock,
    StaleVersion,
    StockHeld,
)

__all__ = [
    "ENTRY_EXAMPLE",
    "INVENTORY_EXAMPLE",
    "AddressTaken",
    "AlreadyInList",
    "AlreadyLeft",
    "ApiKeyNotFound",
    "BodyTooLarge",
    "CannotDraw",
    "ChallengeRequired",
    "ChangeNotFound",
    "CheckoutUsed",
    "Conflict",
    "EmailRequired",
    "EventNotFound",
    "ExceedsTotalStock",
    "Forbidden",
    "GatewayNotFound",
    "HasDependents",
    "HoldExpired",
    "IdTaken",
    "IdempotencyKeyReused",
    "InternalError",
    "InvalidRequest",
    "InventoryNotFound",
    "LedgerNotPublic",
    "MethodNotAllowed",
    "NotDrawn",
    "NotEnoughStock",
    "NotFound",
    "NotInList",
    "NotReady",
    "NotWaiting",
    "NoticeNotFound",
    "OfferNotFound",
    "Problem",
    "RateLimited",
    "RepresentationNotFound",
    "RequestTimeout",
    "StaleVersion",
    "StockHeld",
    "TileNotFound",
    "TooManyMessages",
    "TooManyPlaces",
    "TooManyTickets",
    "TooManyWebhooks",
    "TransferNotAllowed",
    "Unauthenticated",
    "Unavailable",
    "UnsupportedMediaType",
    "WaitingListEnded",
    "WaitingListFull",
    "WaitingListNotOpen",
    "WaitingListOpen",
    "WebhookNotFound",
    "WishFulfilled",
    "WishNotFound",
    "WouldEndList",
    "WrongQuantity",
]
