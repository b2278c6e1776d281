"""Define the state of the phone number of an entry."""

from datetime import datetime, timedelta
from typing import Any, Self

from pydantic import Field

from waiting_list.fields import Frozen

CODE_VALID = timedelta(minutes=10)
"""How long the code of a phone number is valid."""


class PhoneState(Frozen):
    """The phone number to which the fan of an entry wants a text message when it is their turn.

    Without `prefixes` the organizer sends no text messages. `phone` is null until the fan gives a number. It gets
    text messages once it is `verified`, with the code that came to it, until `code_until`. `failed` says that it
    takes no text messages.
    """

    prefixes: tuple[str, ...] = Field(
        description="The beginnings of the numbers that the organizer texts, such as `+33`. Empty: none."
    )
    phone: str | None = Field(description="The phone number; null without one.")
    verified: bool = Field(description="Whether the fan has given back the code that the number got.")
    failed: bool = Field(description="Whether text messages to the number fail for good.")
    code_until: datetime | None = Field(
        description="Until when the code that the number got is valid; null if it waits for none."
    )

    @property
    def is_asked(self) -> bool:
        """Whether the number waits for its code."""
        return self.phone is not None and not self.verified

    @property
    def masked(self) -> str:
        """The number as its page shows it, which others may see."""
        return f"{self.phone[:4]}…{self.phone[-2:]}" if self.phone else ""

    @classmethod
    def of(cls, record: Any) -> Self:
        """Make the state of a row with a phone and its gateway; None is a list without either."""
        if record is None:
            return cls(prefixes=(), phone=None, verified=False, failed=False, code_until=None)
        verified = record["verified_at"] is not None
        waits = record["phone"] is not None and not verified
        return cls(
            prefixes=tuple(record["prefixes"] or ()),
            phone=record["phone"],
            verified=verified,
            failed=record["failed_at"] is not None,
            code_until=record["asked_at"] + CODE_VALID if waits else None,
        )
