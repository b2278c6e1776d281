"""The table of verbs: what each does to an entry, what the history records of it, and which notices it sends."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from waiting_list.lists.models import LeftReason, Status
from waiting_list.lists.notice_kinds import EmailKind, WebhookType
from waiting_list.lists.rows import (
    ADDED_LATER,
    CREATED_WITH,
    JOINED_ALSO_WITH,
    JOINED_WITH,
    NOTED,
    NOTED_OF_DRAW,
    NOTED_OF_RESTORE,
)
from waiting_list.lists.setting import N_

_WAITING, _READY, _LEFT = Status.WAITING, Status.READY, Status.LEFT
_LEAVES_THE_LIST = frozenset({(_WAITING, _LEFT), (_READY, _LEFT)})
_STAYS_ACTIVE = frozenset({(_WAITING, _WAITING), (_READY, _READY)})
_HOLD = frozenset({"status", "tickets_held", "ready_at", "ready_until", "held"})
_LEAVING = frozenset(
    {"status", "tickets_held", "left_reason", "left_at", "ready_until", "held", "paused_at", "set_aside_at"}
)
_STOCK = frozenset({"available_stock"})
_TOTAL = frozenset({"total_stock", "available_stock"})
_CANCELLATION = frozenset({"cancelled_at", "cancelled_reason"})
_OPEN = frozenset({"waiting_list_open"})

RECORDED_AS: Mapping[str, Set[str]] = {
    "prune": {"erase"},
    "remove_lookalikes": {"remove"},
    "restore": {"join", "move"},
    "move_several": {"move"},
    "heed": {"leave", "bring_back"},
    "undo": {"change"},
    "take_back": {"join", "move", "remove_stock", "remove_total_stock"},
    "reconsider": {"put_offer", "resume"},
    "correct_address": {"set_contact"},
    "extend_all": {"extend"},
    "extend_outage": {"extend"},
    "draw_by_clock": {"draw"},
    "catch_up": {"reschedule", "cancel", "reinstate", "change_event", "resume"},
    # They change no place and no stock, so the history has none of it.
    "alert": set(),
    "tell_alerts": set(),
    "put_back_alerts": set(),
    "offer_transfer": set(),
    "share": set(),
    "take_transfer_back": set(),
}
"""The verbs of the engine that the history records as other verbs."""
SERVES = frozenset({"promote", "top_up", "grant", "idle", "draw"})
"""The verbs by which tickets go to fans, and the draw. Each decides by the order and the entries of its moment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerbRow:
    """The declaration of a verb."""

    label: str
    """The label on the dashboard, marked for translation."""
    moves: Set[tuple[Status | None, Status]] = frozenset()
    """The transitions of an entry. None: before the join. No transitions: the verb changes the list only."""
    left_reason: LeftReason | None = None
    """The `left_reason` of entries that leave by this verb."""
    fields: Set[str]
    """The fields of the list and of the entry that its history row may have."""
    always: Set[str] = frozenset()
    """The fields that its row always has, if it creates something. It has the others only if they change."""
    needs: Set[str] = frozenset()
    """The fields without which it is no such change."""
    webhook: WebhookType | None = None
    """The type of the webhook notice."""
    email: EmailKind | None = None
    """The e-mail to the fan. A fan who buys or leaves gets none."""


VERBS: Mapping[str, VerbRow] = {
    "join": VerbRow(
        label=N_("Joined"),
        moves={(None, _WAITING)},
        fields=frozenset(JOINED_WITH) | set(JOINED_ALSO_WITH),
        always=frozenset(JOINED_WITH),
        webhook=WebhookType.ENTRY_JOINED,
        email=EmailKind.JOINED,
    ),
    # The place is part of it only where it undoes an earlier change: the one with the sequence `undoes`.
    "change": VerbRow(
        label=N_("Number of tickets changed"),
        moves=_STAYS_ACTIVE,
        fields={"tickets_wanted", "tickets_minimum", "keep_waiting_for_rest", "rank", "passed_over", "undoes"},
        webhook=WebhookType.ENTRY_CHANGED,
    ),
    "leave": VerbRow(
        label=N_("Left the list"),
        moves=_LEAVES_THE_LIST,
        left_reason=LeftReason.CANCELLED,
        fields=_LEAVING,
        webhook=WebhookType.ENTRY_LEFT,
    ),
    "pause": VerbRow(
        label=N_("Place paused"),
        moves={(_WAITING, _WAITING)},
        fields={"paused_at"},
        webhook=WebhookType.ENTRY_CHANGED,
    ),
    # The verb `resume` is about a list that goes on.
    "unpause": VerbRow(
        label=N_("Pause ended"),
        moves={(_WAITING, _WAITING)},
        fields={"paused_at"},
        webhook=WebhookType.ENTRY_CHANGED,
    ),
    # When another list holds tickets for the entry's wish, and when none does any more.
    "set_aside": VerbRow(
        label=N_("Waits while tickets are held elsewhere for the wish"),
        moves={(_WAITING, _WAITING)},
        fields={"set_aside_at"},
        webhook=WebhookType.ENTRY_CHANGED,
    ),
    "link": VerbRow(
        label=N_("Made part of a wish"),
        moves={(_WAITING, _WAITING)},
        fields={"wish_id", "set_aside_at"},
        needs={"wish_id"},
        webhook=WebhookType.ENTRY_CHANGED,
    ),
    "unlink": VerbRow(
        label=N_("Taken out of its wish"),
        moves=_STAYS_ACTIVE,
        fields={"wish_id", "set_aside_at"},
        needs={"wish_id"},
        webhook=WebhookType.ENTRY_CHANGED,
    ),
    "bring_back": VerbRow(
        label=N_("Counts again for the wish"),
        moves={(_WAITING, _WAITING)},
        fields={"set_aside_at"},
        webhook=WebhookType.ENTRY_CHANGED,
    ),
    "give_back": VerbRow(
        label=N_("Part of a hold released"),
        moves={(_READY, _READY)},
        fields={"tickets_held", "tickets_wanted", "tickets_minimum", "held"},
        webhook=WebhookType.ENTRY_CHANGED,
    ),
    "extend": VerbRow(
        label=N_("Deadline extended"),
        moves={(_READY, _READY)},
        fields={"ready_until"},
        webhook=WebhookType.ENTRY_CHANGED,
        email=EmailKind.EXTENDED,
    ),
    "checkout": VerbRow(
        label=N_("Held longer for a payment"),
        moves={(_READY, _READY)},
        fields={"ready_until"},
        webhook=WebhookType.ENTRY_CHANGED,
    ),
    "set_contact": VerbRow(
        label=N_("Contact address changed"), moves=_STAYS_ACTIVE, fields={"unverified", "address_failed"}
    ),
    "verify": VerbRow(
        label=N_("Address confirmed"),
        moves=_STAYS_ACTIVE,
        fields={"unverified", "address_failed"},
        webhook=WebhookType.ENTRY_CHANGED,
    ),
    # To whom is in no history: it names no person.
    "transfer": VerbRow(
        label=N_("Place given to another person"),
        moves=_STAYS_ACTIVE,
        fields={"transferred", "unverified", "address_failed"},
        needs={"transferred"},
        webhook=WebhookType.ENTRY_TRANSFERRED,
    ),
    "fail_address": VerbRow(
        label=N_("Address failed"),
        moves=_STAYS_ACTIVE,
        fields={"address_failed"},
        webhook=WebhookType.ENTRY_CHANGED,
    ),
    "mend_address": VerbRow(
        label=N_("Address works again"),
        moves=_STAYS_ACTIVE,
        fields={"address_failed"},
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
    "top_up": VerbRow(
        label=N_("More tickets offered"),
        moves={(_READY, _READY)},
        fields={"tickets_held", "ready_until", "held"},
        needs={"tickets_held"},
        webhook=WebhookType.ENTRY_READY,
        email=EmailKind.READY,
    ),
    "grant": VerbRow(
        label=N_("Tickets given by the organizer"),
        moves={(_WAITING, _READY), (_READY, _READY)},
        fields=_HOLD | _TOTAL | {"tickets_wanted", "tickets_minimum", "paused_at", "set_aside_at", "wish_id"},
        webhook=WebhookType.ENTRY_GRANTED,
        email=EmailKind.READY,
    ),
    # When tickets begin or end to wait for the first in line.
    "settle": VerbRow(label=N_("Free tickets wait for the first in line"), fields={"idle_until"}),
    "idle": VerbRow(label=N_("Fans behind were served"), fields={"idle_until"}, needs={"idle_until"}),
    "revoke": VerbRow(
        label=N_("Held tickets taken back"),
        moves={(_READY, _WAITING)},
        fields=_HOLD,
        webhook=WebhookType.ENTRY_CHANGED,
        email=EmailKind.REVOKED,
    ),
    "buy": VerbRow(
        label=N_("Purchase"),
        # Waiting: for the rest.
        moves={(_READY, _LEFT), (_READY, _WAITING)},
        left_reason=LeftReason.BOUGHT,
        fields=_LEAVING | _STOCK | _OPEN | {"ready_at", "tickets_wanted", "tickets_minimum", "requeued"},
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
        label=N_("Moved in line"),
        moves=_STAYS_ACTIVE,
        fields={"rank", "passed_over"},
        needs={"rank"},
        webhook=WebhookType.ENTRY_CHANGED,
    ),
    "remove": VerbRow(
        label=N_("Removed from the list"),
        moves=_LEAVES_THE_LIST,
        left_reason=LeftReason.REMOVED,
        fields=_LEAVING,
        webhook=WebhookType.ENTRY_LEFT,
        email=EmailKind.REMOVED,
    ),
    # A row for the list, then, after the grace, one for each entry.
    "end": VerbRow(
        label=N_("List ended"),
        moves=_LEAVES_THE_LIST,
        left_reason=LeftReason.ENDED,
        fields=_LEAVING | {"ended_at"},
        webhook=WebhookType.ENTRY_LEFT,
        email=EmailKind.ENDED,
    ),
    "resume": VerbRow(label=N_("End taken back"), fields={"ended_at"}),
    # What happens to the catalogue around the list.
    "reschedule": VerbRow(label=N_("Show moved to another date"), fields={"start_datetime", "end_datetime"}),
    "cancel": VerbRow(label=N_("Show cancelled"), fields=_CANCELLATION),
    "reinstate": VerbRow(label=N_("Cancellation taken back"), fields=_CANCELLATION),
    "change_event": VerbRow(
        label=N_("Event changed"), fields={"title", "venue_name", "venue_address", "timezone"}
    ),
    "erase": VerbRow(label=N_("Personal data erased"), moves={(_LEFT, _LEFT)}, fields={"user_id"}),
    "add_stock": VerbRow(label=N_("Tickets returned"), fields=_STOCK),
    "remove_stock": VerbRow(label=N_("Tickets sold or withdrawn elsewhere"), fields=_STOCK | _OPEN),
    "add_total_stock": VerbRow(label=N_("Capacity raised"), fields=_TOTAL),
    "remove_total_stock": VerbRow(label=N_("Capacity lowered"), fields=_TOTAL | _OPEN),
    "put_stock": VerbRow(label=N_("Stock set by the ticketing system"), fields=_TOTAL | _OPEN),
    # By a call, and once where the line is served by another limit than before.
    "put_offer": VerbRow(label=N_("Order limit changed"), fields={"order_limit"}),
    "configure": VerbRow(
        label=N_("Settings changed"),
        fields=frozenset(CREATED_WITH)
        - _TOTAL
        - {"held", "ended_at", "idle_until", "order_limit", "drawn_at", "drawn_through"},
    ),
    "message": VerbRow(label=N_("Message sent to fans"), fields=frozenset(NOTED), always=frozenset(NOTED)),
    "draw": VerbRow(
        label=N_("Lots drawn"),
        fields={"drawn_at", "drawn_through"} | NOTED_OF_DRAW.keys(),
        needs={"drawn_at", "drawn_through", "draw_secret", "draw_randomness"},
    ),
    "declare_restore": VerbRow(
        label=N_("Restored to an earlier instant"),
        fields=frozenset(NOTED_OF_RESTORE),
        always=frozenset(NOTED_OF_RESTORE),
    ),
    "create": VerbRow(
        label=N_("List created"), fields=frozenset(CREATED_WITH), always=frozenset(CREATED_WITH) - set(ADDED_LATER)
    ),
}
"""Every verb of the history, in the order in which the dashboard lists them."""
