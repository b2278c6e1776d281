"""Define the values of list settings that are neither a number, a text, a flag nor an instant."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field

from waiting_list.fields import Frozen, Quantity, Stock


class Policy(StrEnum):
    """Which fan is promoted when the first in line wants more tickets than are free."""

    STRICT = "strict"
    """No fan: the list waits until enough tickets are free for the first."""
    SKIP = "skip"
    """The next fans who can be served, until the first in line was skipped `skip_limit` times."""


class Order(StrEnum):
    """What decides the order of a list."""

    ARRIVAL = "arrival"
    """The fan who joined first is first."""
    DRAW = "draw"
    """Lots decide among the fans who joined before the draw. Later fans are behind them, by arrival."""


class AfterExpiry(StrEnum):
    """What happens to a user when a hold expires."""

    LEAVE = "leave"
    """The user leaves the list."""
    REQUEUE = "requeue"
    """The user waits again, last in line, with a new entry and a new number."""


class JoinChallenge(StrEnum):
    """When a fan who joins must solve a challenge: some work for the fan's device."""

    OFF = "off"
    """Never."""
    ADAPTIVE = "adaptive"
    """While many fans join at once. The more fans, the more work."""
    ALWAYS = "always"
    """Always. More work while many fans join at once."""


class HoldStep(Frozen):
    """The length of holds from `days_before` days before the show. 0 is the day of the show, in the event's
    timezone."""

    days_before: Annotated[Stock, Field(le=3650)]
    hold_minutes: Quantity

    @classmethod
    def all(cls, pairs: Sequence[Sequence[int]]) -> tuple[Self, ...]:
        """Make the steps from the pairs of numbers that the database keeps."""
        return tuple(cls(days_before=days, hold_minutes=minutes) for days, minutes in pairs)

    @staticmethod
    def pairs(steps: Sequence["HoldStep"]) -> list[list[int]]:
        """Return the steps as the database keeps them: pairs of numbers, the most days first."""
        return sorted(([step.days_before, step.hold_minutes] for step in steps), reverse=True)
