"""Define what webhooks receive: the body of a delivery of each type, as the API document shows it.

The models only describe. The outbox writes the bodies, and tests hold that both agree.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field, create_model

from waiting_list.fields import Frozen
from waiting_list.lists.list_state import ListStatus
from waiting_list.lists.models import Entry, Inventory
from waiting_list.lists.notice_kinds import WebhookType
from waiting_list.lists.settings_models import ListSettings

_SHOWN: dict[str, Any] = {
    name: (field.annotation, field) for name, field in Entry.model_fields.items() if name != "purchase_pass"
}
WebhookEntry = create_model(
    "WebhookEntry",
    __base__=Frozen,
    __doc__="An entry as the API shows it, without the purchase pass.",
    **_SHOWN,
)


class EntryEventData(Frozen):
    """An entry, right after its change."""

    sequence: int
    entry: WebhookEntry


class EntryLeftData(EntryEventData):
    """An entry right after it left, with the state of its list: `cancelled` if the show is cancelled."""

    list_state: ListStatus
    state_reason: str | None


class ListEventData(Frozen):
    """A list that opened or closed, right after that."""

    sequence: int
    list: ListSettings
    reason: Literal["closed", "ended"] | None


class Changes(Frozen):
    """The facts that changed, with their values before and after, and the verb of the history."""

    verb: str
    before: dict[str, Any]
    after: dict[str, Any]


class ListChangedData(Frozen):
    """A list whose dates, cancellation, order limit or end changed, right after that."""

    sequence: int
    list: ListSettings
    changes: Changes


class EventChanges(Frozen):
    """The facts of an event that changed, with their values before and after."""

    before: dict[str, Any]
    after: dict[str, Any]


class EventChangedData(Frozen):
    """An event right after its title, venue or timezone changed."""

    event: dict[str, Any]
    changes: EventChanges


class StockEventData(Frozen):
    """The stock of a list, right after its change."""

    sequence: int
    inventory: Inventory


class CheckpointData(Frozen):
    """The newest checkpoint of a list: how many changes it covers, and the signed note."""

    offer_id: str
    representation_id: str
    size: int = Field(description="How many changes of the list the checkpoint covers.")
    checkpoint: str = Field(description="The checkpoint itself: a signed note.")


class WebhookTestData(Frozen):
    """The content of a test delivery."""

    message: str


class WebhookDisabledData(Frozen):
    """A webhook of the organization that the service has disabled."""

    webhook_id: str
    url: str
    reason: str


class Described(NamedTuple):
    """A type of event: when the service sends it, and its `data`."""

    when: str
    data: type[BaseModel]


TYPES: Mapping[str, Described] = {
    WebhookType.ENTRY_JOINED: Described("A fan joined a list.", EntryEventData),
    WebhookType.ENTRY_CHANGED: Described(
        "An entry still waits, but its tickets, place, hold or verified address changed.", EntryEventData
    ),
    WebhookType.ENTRY_GRANTED: Described(
        "An organizer gave tickets to an entry, past the line. The service holds them.", EntryEventData
    ),
    WebhookType.ENTRY_TRANSFERRED: Described(
        "A fan gave an entry to another person: it has another `user_id`, and the same place.", EntryEventData
    ),
    WebhookType.ENTRY_READY: Described("The service holds tickets for an entry.", EntryEventData),
    WebhookType.ENTRY_LEFT: Described("An entry left the list, for its `left_reason`.", EntryLeftData),
    WebhookType.LIST_OPENED: Described(
        "Fans can join the list now, also after an end was taken back.", ListEventData
    ),
    WebhookType.LIST_CLOSED: Described(
        "Fans can no longer join: an organizer closed the list, or it ended.", ListEventData
    ),
    WebhookType.LIST_CHANGED: Described(
        "The dates, the cancellation, the order limit or the end of a list changed.", ListChangedData
    ),
    WebhookType.EVENT_CHANGED: Described(
        "The title, venue or timezone of an event changed; once, however many lists it has.", EventChangedData
    ),
    WebhookType.STOCK_CHANGED: Described("The stock of a list changed: total, available or held.", StockEventData),
    WebhookType.CHECKPOINT_PUBLISHED: Described(
        "The service signed a checkpoint of a list, for webhooks that name this type: every few seconds.",
        CheckpointData,
    ),
    "webhook.test": Described("An organizer asked for a test delivery.", WebhookTestData),
    "webhook.disabled": Described(
        "The service disabled another webhook of the organization, because its deliveries failed.",
        WebhookDisabledData,
    ),
}
"""Every type of event that a webhook can receive."""


def payload(type_: str) -> type[BaseModel]:
    """Make the model of the body of a delivery of this type."""
    described = TYPES[type_]
    name = "".join(part.capitalize() for part in type_.split(".")) + "Event"
    fields: dict[str, Any] = {
        "type": (Literal[str(type_)], ...),
        "timestamp": (datetime, ...),
        "data": (described.data, ...),
    }
    return create_model(name, __base__=Frozen, __doc__=described.when, **fields)
