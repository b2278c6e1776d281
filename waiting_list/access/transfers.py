"""The links with which an offered place is taken. This module knows no HTTP.

A link is in the letter to the address that the place is offered to, and nowhere else. It works until the offer
ends.
"""

import base64
import binascii
import secrets
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from waiting_list.key_material import derived
from waiting_list.lists.queries.entry_details import EntryDetails, read_entry_details
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql


class Offered(NamedTuple):
    """An offer that can be accepted: of a place, to an address."""

    transfer_id: UUID
    place: EntryDetails
    email: str
    locale: str | None
    expires_at: datetime


def transfer_token(secret: bytes, list_id: UUID, transfer_id: UUID) -> str:
    """Derive the token of an offer's link: 67 characters, safe in a URL.

    It begins with the keys of the list and of the offer. The rest comes from the deployment's secret, and is
    stored nowhere.
    """
    opaque = derived(secret, "transfer", list_id, transfer_id)[:18]
    return base64.urlsafe_b64encode(list_id.bytes + transfer_id.bytes + opaque).decode().rstrip("=")


async def find_offer(pool: Pool, secret: bytes, token: str) -> Offered | None:
    """Return the offer behind a link; None if it is no such link, or the offer has ended. Raises Unavailable."""
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    if len(decoded) != 50:
        return None
    list_id, transfer_id = UUID(bytes=decoded[:16]), UUID(bytes=decoded[16:32])
    if not secrets.compare_digest(token, transfer_token(secret, list_id, transfer_id)):
        return None
    async with connection(pool) as acquired:
        offer = await acquired.fetchrow(sql("read_transfer"), list_id, transfer_id)
    if offer is None or offer["transferred_at"] is not None or offer["now"] >= offer["expires_at"]:
        return None
    place = await read_entry_details(pool, list_id, offer["number"])
    if place is None:
        return None
    return Offered(transfer_id, place, offer["email"], offer["locale"] or None, offer["expires_at"])
