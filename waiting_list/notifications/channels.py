"""Define the interface of all channels: the ways by which notices leave the outbox.

The dispatcher finds what is due, and gives each list and receiver to the channel of the receiver. A channel claims
a batch of notices for LEASE, writes and sends each, and records how that ended (send_batch.py). So whatever the
channel, a process that is killed between the claim and the record leaves notices that are due again.
"""

from typing import Literal, Protocol
from uuid import UUID

ChannelName = Literal["email", "push", "sms", "webhook"]
"""The ways of a notice."""
PUSH = "push"
"""The receiver of what is pushed, in the outbox (`webhook_id`)."""
GATEWAY = "sms_"
"""With this the ids of gateways for text messages begin, which are receivers, too. Ids of webhooks begin with
`wh_`."""


class Channel(Protocol):
    """One way by which notices leave. Each process has one of each kind."""

    most_tasks: int
    """How many lists and receivers it serves at once. Each channel has its own limit, so that webhooks that hang
    never delay an e-mail."""
    most_tasks_for_one: int
    """How many lists it serves at once for one receiver."""

    def resting(self) -> list[str]:
        """Return the receivers to skip for now."""
        ...

    async def send_due(self, list_id: UUID, receiver: str | None) -> int:
        """Claim one batch of what is due of a list to a receiver, send it and record the results.

        Return how many it claimed: 0 if the receiver is gone or skipped for now. Raises Unavailable.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


def channel_of(receiver: str | None) -> ChannelName:
    """Return the channel of a receiver in the outbox; None is the fan's mailbox."""
    if receiver is None:
        return "email"
    if receiver == PUSH:
        return "push"
    return "sms" if receiver.startswith(GATEWAY) else "webhook"
