"""The verbs of the history: what each does to an entry, what its row tells, and who is told of it.

Every change of a list is recorded under one of these verbs. The audit (replay.py), the outbox (telling.py) and the
dashboard read this one table.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from waiting_list.models import LeftReason, Status
from waiting_list.notices import EmailKind, WebhookType
from waiting_list.rows import ADDED_LATER, CREATED_WITH, JOINED_WITH
from waiting_list.setting import N_

_WAITING, _READY, _LEFT = Status.WAITING, Status.READY, Status.LEFT
_LEAVES_THE_LIST = frozenset({(_WAITING, _LEFT), (_READY, _LEFT)})
_STAYS_ACTIVE = frozenset({(_WAITING, _WAITING), (_READY, _READY)})
_HOLD = frozenset({"status", "tickets_held", "ready_at", "ready_until", "held"})
_LEAVING = frozenset({"status", "tickets_held", "left_reason", "left_at", "held"})
_STOCK = frozenset({"available_stock"})
_TOTAL = frozenset({"total_stock", "available_stock"})
_OPEN = frozenset({"waiting_list_open"})


@dataclass(frozen=True, kw_only=True, slots=True)
class VerbRow:
    """What is to be known of a verb."""

    label: str
    """What the dashboard calls it, to be translated."""
    moves: Set[tuple[Status | None, Status]] = frozenset()
    """From which state to which it takes an entry; None is before it joined. Empty: the verb is about the list."""
    left_reason: LeftReason | None = None
    """The reason that it gives an entry to have left."""
    fields: Set[str]
    """The fields of the list and of the entry that its history row may tell."""
    always: Set[str] = frozenset()
    """Those of them that it tells whatever they are; the others only where they change."""
    webhook: WebhookType | None = None
    """What webhooks are told."""
    email: EmailKind | None = None
    """The e-mail that tells the fan. A fan who buys or leaves knows, and gets none."""


VERBS: Mapping[str, VerbRow] = {
    "join": VerbRow(
        label=N_("Joined"),
        moves={(None, _WAITING)},
        fields=frozenset(JOINED_WITH) | {"unverified"},
        always=frozenset(JOINED_WITH),
        webhook=WebhookType.ENTRY_JOINED,
        email=EmailKind.JOINED,
    ),
    "change": VerbRow(
        label=N_("Number of tickets changed"),
        moves={(_WAITING, _WAITING)},
        fields={"tickets_wanted", "tickets_minimum"},
        webhook=WebhookType.ENTRY_CHANGED,
    ),
    "leave": VerbRow(
        label=N_("Left the list"),
        moves=_LEAVES_THE_LIST,
        left_reason=LeftReason.CANCELLED,
        fields=_LEAVING,
        webhook=WebhookType.ENTRY_LEFT,
    ),
    "set_contact": VerbRow(label=N_("Contact address changed"), moves=_STAYS_ACTIVE, fields={"unverified"}),
    "verify": VerbRow(
        label=N_("Address confirmed"),
        moves=_STAYS_ACTIVE,
        fields={"unverified"},
        webhook=WebhookType.ENTRY_CHANGED,
    ),
    # The first in line who is passed over stays waiting: only the organizer sees that.
    "promote": VerbRow(
        label=N_("Tickets offered, or fan skipped"),
        moves={(_WAITING, _READY), (_WAITING, _WAITING)},
        fields=_HOLD | {"passed_over"},
        webhook=WebhookType.ENTRY_READY,
        email=EmailKind.READY,
    ),
    "revoke": VerbRow(
        label=N_("Held tickets taken back"),
        moves={(_READY, _WAITING)},
        fields=_HOLD,
        webhook=WebhookType.ENTRY_CHANGED,
        email=EmailKind.REVOKED,
    ),
    "buy": VerbRow(
        label=N_("Purchase"),
        moves={(_READY, _LEFT)},
        left_reason=LeftReason.BOUGHT,
        fields=_LEAVING | _STOCK | _OPEN,
        webhook=WebhookType.ENTRY_LEFT,
    ),
    "expire": VerbRow(
        label=N_("Not bought in time"),
        moves={(_READY, _LEFT)},
        left_reason=LeftReason.EXPIRED,
        fields=_LEAVING,
        webhook=WebhookType.ENTRY_LEFT,
        email=EmailKind.EXPIRED,
    ),
    # Room for a move is also made among those who are ready.
    "move": VerbRow(
        label=N_("Moved in line"), moves=_STAYS_ACTIVE, fields={"rank"}, webhook=WebhookType.ENTRY_CHANGED
    ),
    "remove": VerbRow(
        label=N_("Removed from the list"),
        moves=_LEAVES_THE_LIST,
        left_reason=LeftReason.REMOVED,
        fields=_LEAVING,
        webhook=WebhookType.ENTRY_LEFT,
        email=EmailKind.REMOVED,
    ),
    # A row for each entry, then one for the list.
    "end": VerbRow(
        label=N_("List ended"),
        moves=_LEAVES_THE_LIST,
        left_reason=LeftReason.ENDED,
        fields=_LEAVING | {"ended_at"},
        webhook=WebhookType.ENTRY_LEFT,
        email=EmailKind.ENDED,
    ),
    "erase": VerbRow(label=N_("Personal data erased"), moves={(_LEFT, _LEFT)}, fields={"user_id"}),
    "add_stock": VerbRow(label=N_("Tickets returned"), fields=_STOCK),
    "remove_stock": VerbRow(label=N_("Tickets sold or withdrawn elsewhere"), fields=_STOCK | _OPEN),
    "add_total_stock": VerbRow(label=N_("Capacity raised"), fields=_TOTAL),
    "remove_total_stock": VerbRow(label=N_("Capacity lowered"), fields=_TOTAL | _OPEN),
    "put_stock": VerbRow(label=N_("Stock set by the ticketing system"), fields=_TOTAL | _OPEN),
    "configure": VerbRow(
        label=N_("Settings changed"), fields=frozenset(CREATED_WITH) - _TOTAL - {"held", "ended_at"}
    ),
    "create": VerbRow(
        label=N_("List created"), fields=frozenset(CREATED_WITH), always=frozenset(CREATED_WITH) - set(ADDED_LATER)
    ),
}
"""Every verb of the history, in the order in which the dashboard lists them."""

RECORDED_AS: Mapping[str, Set[str]] = {
    "prune": {"erase"},
    "remove_lookalikes": {"remove"},
    "restore": {"join", "move"},
    "reconsider": frozenset(),
}
"""The verbs of the engine that are recorded as others."""
