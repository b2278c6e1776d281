"""Models of the export and the erasure of a person's data."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from waiting_list.fields import Frozen
from waiting_list.lists.contact import KeptContact
from waiting_list.lists.models import Entry
from waiting_list.lists.queries.models import Change
from waiting_list.lists.queries.why_waiting import NamedList
from waiting_list.lists.wishes import Choice
from waiting_list.notifications.models import Notice


class UserHistory(Change):
    """One row of the history of a user's entry, with the name of its list."""

    offer_id: str
    representation_id: str


class KeptNotice(Notice):
    """A notice, with the `body` that a webhook receives. An e-mail has no stored body: it is written when it is
    sent."""

    body: str | None


class KeptSignIn(Frozen):
    """A request to sign in with an address, and the page (`next`) from which the fan came."""

    email: str
    locale: str
    next: str
    created_at: datetime
    expires_at: datetime


class KeptPush(Frozen):
    """A device to which the service pushes the turn of an entry, as its browser named it."""

    offer_id: str
    representation_id: str
    number: int
    endpoint: str
    created_at: datetime


class KeptPhone(Frozen):
    """A phone number that gets a text message when it is the turn of an entry."""

    offer_id: str
    representation_id: str
    number: int
    phone: str = Field(description="The phone number.")
    asked_at: datetime = Field(description="When the fan last asked for a code to the number.")
    verified_at: datetime | None = Field(description="When the fan gave back the code; null if not yet.")
    failed_at: datetime | None = Field(description="When a text message failed for good; null if none did.")


class KeptSuppression(Frozen):
    """An address of the person that has unsubscribed from the organization's e-mails.

    The service keeps a hash of the mailbox. The hash stays when the person is erased, so that the service still
    honours it.
    """

    email: str
    suppressed_at: datetime


class KeptAlert(Frozen):
    """An address of the person that gets one e-mail when a list takes fans. `told_at` is when that was written."""

    offer_id: str
    representation_id: str
    email: str
    locale: str
    asked_at: datetime = Field(description="When the fan asked for it.")
    told_at: datetime | None = Field(
        description="When the service wrote the e-mail; null while the list takes no fans."
    )


class KeptWish(Frozen):
    """A wish of the person over several lists. Its entries have the same `wish_id`."""

    wish_id: UUID = Field(description="The id of the wish.")
    choice: Choice = Field(description="What becomes of the other places.")
    created_at: datetime = Field(description="When the person made the wish.")
    lists: tuple[NamedList, ...] = Field(description="The lists of the wish, the first choice first.")


class KeptTransfer(Frozen):
    """A place that a fan has offered to an address: by this person, or to them."""

    offer_id: str
    representation_id: str
    number: int
    email: str
    offered_at: datetime = Field(description="When the fan offered the place.")
    expires_at: datetime = Field(description="Until when the offer can be accepted.")
    transferred_at: datetime | None = Field(description="When the offer was accepted; null while it was not.")


class KeptSharedLink(Frozen):
    """A link to a place that the person made for another person. The link itself is stored nowhere."""

    offer_id: str
    representation_id: str
    number: int
    created_at: datetime = Field(description="When the person made the link.")
    used_at: datetime | None = Field(description="When it was last used, to a minute; null if never.")


class UserExport(Frozen):
    """All data that the service keeps about a person in the lists of one organization."""

    user_id: str
    entries: tuple[Entry, ...]
    contacts: tuple[KeptContact, ...]
    history: tuple[UserHistory, ...]
    notices: tuple[KeptNotice, ...]
    sign_ins: tuple[KeptSignIn, ...]
    pushes: tuple[KeptPush, ...]
    phones: tuple[KeptPhone, ...] = Field(
        description="The phone numbers that get the person's turn by text message."
    )
    suppressions: tuple[KeptSuppression, ...]
    alerts: tuple[KeptAlert, ...] = Field(
        description="The person's addresses that get one e-mail when a list takes fans."
    )
    wishes: tuple[KeptWish, ...] = Field(description="The person's wishes over several lists.")
    transfers: tuple[KeptTransfer, ...] = Field(
        description="The places that the person has offered to others, or that others have offered to the person."
    )
    shared_links: tuple[KeptSharedLink, ...] = Field(
        description="The links to places of the person that the person made for another person."
    )


class Erasure(Frozen):
    """The erased person, and the number of waiting lists that had data about them."""

    user_id: str
    waiting_lists: int
