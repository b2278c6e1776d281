"""Define the problems of what an organization has: its catalogue, API keys, webhooks and notices."""

from collections.abc import Mapping
from typing import Any, ClassVar

from waiting_list.problems.problem import Conflict, NotFound


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


class LedgerNotPublic(NotFound):
    """The setting `public_ledger` of the list is off."""

    code, title = "ledger_not_public", "The ledger of this list is not public"

    def __init__(self) -> None:
        super().__init__("The organizer does not publish the ledger of this list.")


class TileNotFound(NotFound):
    """The ledger has no such tile yet."""

    code, title = "tile_not_found", "The ledger has no such tile"

    def __init__(self) -> None:
        super().__init__("The newest checkpoint of this list does not cover such a tile.")


class ChangeNotFound(NotFound):
    """The ledger has no change with this sequence yet."""

    code, title = "change_not_found", "The ledger has no such change"

    def __init__(self) -> None:
        super().__init__("The list has not had so many changes.")


class WouldEndList(Conflict):
    """The change would end a list that still has waiting or ready fans. The problem carries these `lists`, with
    their counts. Send it again with `"end_lists": true` if they may end."""

    code, title = "would_end_list", "The change would end a waiting list with fans in it"
    example: ClassVar[Mapping[str, Any]] = {
        "lists": [{"offer_id": "off_001", "representation_id": "rep_001", "waiting": 17, "ready": 2}]
    }


class IdTaken(Conflict):
    """Another organization uses this id."""

    code, title = "id_taken", "The id is already in use"


class HasDependents(Conflict):
    """Other objects depend on this one. Delete them first. After a deletion with entries, the problem carries the
    `lists` that have to stay."""

    code, title = "has_dependents", "Other objects depend on this one"


class ApiKeyNotFound(NotFound):
    """The API key does not exist, or belongs to another organization."""

    code, title = "api_key_not_found", "API key not found"


class WebhookNotFound(NotFound):
    """The webhook does not exist, or belongs to another organization."""

    code, title = "webhook_not_found", "Webhook not found"

    def __init__(self) -> None:
        super().__init__("There is no such webhook.")


class GatewayNotFound(NotFound):
    """The organization has no gateway for text messages."""

    code, title = "gateway_not_found", "Gateway not found"

    def __init__(self) -> None:
        super().__init__("This organization has no gateway for text messages.")


class TooManyWebhooks(Conflict):
    """The organization has the maximum number of webhooks. The problem carries the `maximum`."""

    code, title = "too_many_webhooks", "The organization has the maximum number of webhooks"
    example: ClassVar[Mapping[str, Any]] = {"maximum": 20}


class NoticeNotFound(NotFound):
    """The notice does not exist or has been deleted, or belongs to another organization or another webhook."""

    code, title = "notice_not_found", "Notice not found"
