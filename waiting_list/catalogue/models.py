"""Define events, representations, offers and their stock, as clients send and see them."""

from datetime import datetime
from typing import Any, Self

from pydantic import Field, model_validator

from waiting_list.fields import Address, Flag, Frozen, Id, Instant, Quantity, Row, Stock, Text, Timezone, Title
from waiting_list.lists.list_state import ListStatus
from waiting_list.looks import Look, image_address


class EventFields(Frozen):
    """The fields of an event that a caller sets."""

    title: Title
    description: Text = ""
    thumbnail_url: Address | None = None
    venue_name: Text = ""
    venue_address: Text = ""
    timezone: Timezone
    max_places_per_person: Quantity | None = Field(
        default=None,
        description="Maximum number of the event's lists on which one person may wait; null: no limit.",
    )
    draft: Flag = Field(
        default=False,
        description="Whether the event is a draft, for tests: fans do not see it listed, and only the organizer "
        "can add users to its lists.",
    )
    unlisted: Flag | None = Field(
        default=None,
        description="Whether no page and no call lists the event for fans: they reach it by its link alone. "
        "null: as it was; a new event is listed.",
    )
    archived: Flag | None = Field(
        default=None,
        description="Whether the event is out of the way on the dashboard. Fans see no difference. "
        "null: as it was; a new event is not archived.",
    )


class Event(EventFields):
    """A show, owned by one organization."""

    event_id: Id
    organization_id: Id
    unlisted: Flag = Field(
        default=False,
        description="Whether no page and no call lists the event for fans: they reach it by its link alone.",
    )
    archived: Flag = Field(
        default=False,
        description="Whether the event is out of the way on the dashboard. Fans see no difference.",
    )
    timezone: str  # without a check, because an event is shown as it was stored
    image_url: str | None = Field(
        default=None, description="Address of the image that the organizer uploaded on the dashboard, as WebP."
    )

    @classmethod
    def from_record(cls, record: Row, **given: Any) -> Self:
        """Make the event of a row of `events`."""
        return super().from_record(record, image_url=image_address(record["image"]), **given)

    def at(self, public_url: str) -> Self:
        """Return the event with an image that programs elsewhere find."""
        return (
            self if self.image_url is None else self.model_copy(update={"image_url": public_url + self.image_url})
        )


class RepresentationFields(Frozen):
    """The fields of a representation that a caller sets."""

    event_id: Id
    start_datetime: Instant
    end_datetime: Instant

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end_datetime < self.start_datetime:
            raise ValueError("end_datetime must not be before start_datetime")
        return self


class Representation(RepresentationFields):
    """One date of an event. The cancellation is null unless it was cancelled."""

    representation_id: Id
    moved_from: datetime | None = None
    cancelled_at: datetime | None = None
    cancelled_reason: str | None = None


class Cancellation(Frozen):
    """Why a representation is cancelled, in words for fans."""

    reason: Title | None = None


class RepresentationChange(RepresentationFields):
    """The fields of a representation to create or change."""

    end_lists: Flag = False


class OfferFields(Frozen):
    """The fields of an offer that a caller sets."""

    event_id: Id
    name: Title
    type: Title = "ticket"
    max_quantity_per_order: Quantity
    description: Text = ""


class Offer(OfferFields):
    """A ticket type of an event."""

    offer_id: Id


class InventoryFields(Frozen):
    """The fields of an inventory that a caller sets.

    `waiting_list_open` opens or closes the list. Without it, an existing list keeps its state. A new list is open
    if no tickets are available.
    """

    total_stock: Stock
    available_stock: Stock
    waiting_list_open: Flag | None = None

    @model_validator(mode="after")
    def _available_is_part_of_total(self) -> Self:
        if self.available_stock > self.total_stock:
            raise ValueError("available_stock must not be more than total_stock")
        return self


class ListOfEvent(Frozen):
    """Whether a fan can join a list now, and how many fans wait."""

    offer_id: str
    representation_id: str
    open: bool
    list_state: ListStatus
    waiting: int
    free: int


class EventSummary(Event):
    """An upcoming event, with the waiting lists that a fan can join."""

    representations: tuple[Representation, ...]
    offers: tuple[Offer, ...]
    waiting_lists: tuple[ListOfEvent, ...]
    organizer: Look = Field(description="How the organizer of the event presents itself to fans.")

    def at(self, public_url: str) -> Self:
        """Return the event with an image and a logo that programs elsewhere find."""
        return super().at(public_url).model_copy(update={"organizer": self.organizer.at(public_url)})
