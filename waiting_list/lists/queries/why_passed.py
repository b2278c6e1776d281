"""Say why tickets went to other fans while a fan stood ahead of them, from the recorded history alone.

Each answer follows from the changes before the offer: from the state of both entries, and from the rules and the
stock of the list. Where they do not explain the offer, the answer is `UNKNOWN`, and no guess.
"""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from waiting_list.lists.models import ListKey, Status
from waiting_list.lists.queries.history import story_of_entry
from waiting_list.lists.queries.models import Change
from waiting_list.postgres.pool import Pool, snapshot
from waiting_list.postgres.statements import sql


class PassedFor(StrEnum):
    """Why tickets went to another fan. The first that applies counts."""

    AHEAD = "ahead"
    """The other fan stood ahead."""
    GRANT = "grant"
    """The organizer gave the other fan tickets past the line."""
    PAUSED = "paused"
    """The fan had paused the place."""
    SET_ASIDE = "set_aside"
    """Another list held tickets for the fan's wish."""
    UNVERIFIED = "unverified"
    """The list skipped unverified addresses, and the fan's was one."""
    ADDRESS_FAILED = "address_failed"
    """The list skipped addresses that fail, and the fan's was one."""
    TOO_MANY = "too_many"
    """The fan accepted only more tickets than one fan could be held."""
    TOO_FEW_FREE = "too_few_free"
    """The fan accepted only more tickets than were free."""
    UNKNOWN = "unknown"
    """The history does not say why."""


class Passed(NamedTuple):
    """An offer to another fan who stood behind, and why it did not go to this fan."""

    offer: Change
    code: PassedFor
    least: int
    """The fewest tickets that the fan accepted then."""
    free: int | None
    """How many tickets were free then, with those of the offer."""
    most_held: int | None
    """How many tickets one fan could be held then."""


class PassedPage(NamedTuple):
    """Offers to fans behind an entry, and where to look for older ones."""

    items: Sequence[Passed]
    before: int | None
    """Older offers have smaller sequences; None: there are none."""


_RULES = (
    "create",
    "configure",
    "put_offer",
    "put_stock",
    "add_stock",
    "remove_stock",
    "add_total_stock",
    "remove_total_stock",
    "buy",
)
"""The verbs that change what the choice depends on, besides the entries."""
_NEWEST = 100
"""How many changes by each of them to read. One change of the stock has all of it, and settings change seldom."""
_MOST_CHANGES = 500
_LAST = 2**63 - 1
"""After every change."""


async def why_passed(
    pool: Pool,
    key: ListKey,
    *,
    organization_id: str,
    number: int,
    limit: int,
    before: int | None = None,
    ahead: bool = False,
) -> PassedPage:
    """Return the newest offers to fans behind an entry while it waited, the newest first, each with its reason.

    With `ahead`, also those to fans ahead of it.

    It looks at the newest offers of the list, four for each that it may return; with `before`, at those that are
    older than this change. Raises InventoryNotFound.
    """
    own = await _changes(pool, key, organization_id, number)
    if not own:
        return PassedPage([], None)
    most, until = 4 * limit, _LAST if before is None else before
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(
            sql("read_offers_since"), key.list_id, own[0].sequence, number, most + 1, until
        )
    found: list[Passed] = []
    last = until
    for offer in map(Change.from_record, records[:most]):
        if len(found) == limit:
            return PassedPage(found, last)
        last = offer.sequence
        fan = _entry_before(own, offer.sequence)
        if fan.get("status") != Status.WAITING or offer.number is None:
            continue
        other = _entry_before(await _changes(pool, key, organization_id, offer.number), offer.sequence)
        if other and (ahead or other["rank"] > fan["rank"]):
            if offer.verb != "grant" and other["rank"] < fan["rank"]:
                found.append(Passed(offer, PassedFor.AHEAD, fan["tickets_minimum"], None, None))
                continue
            found.append(_passed(offer, fan, await _rules_before(pool, key, offer.sequence)))
    return PassedPage(found, last if len(records) > most else None)


def _passed(offer: Change, fan: Mapping[str, Any], rules: Mapping[str, Any]) -> Passed:
    held = (offer.before or {}).get("held")
    available, total, limit = (rules.get(name) for name in ("available_stock", "total_stock", "order_limit"))
    free = available - held if available is not None and held is not None else None
    most_held = min((one for one in (total, limit) if one is not None), default=None)
    least = fan["tickets_minimum"]
    code = PassedFor.UNKNOWN
    if offer.verb == "grant":
        code = PassedFor.GRANT
    elif fan.get("paused_at"):
        code = PassedFor.PAUSED
    elif fan.get("set_aside_at"):
        code = PassedFor.SET_ASIDE
    elif rules.get("verify_email") and fan.get("unverified"):
        code = PassedFor.UNVERIFIED
    elif rules.get("skip_failed_addresses") and fan.get("address_failed"):
        code = PassedFor.ADDRESS_FAILED
    elif most_held is not None and least > most_held:
        code = PassedFor.TOO_MANY
    elif free is not None and least > free:
        code = PassedFor.TOO_FEW_FREE
    return Passed(offer, code, least, free, most_held)


async def _changes(pool: Pool, key: ListKey, organization_id: str, number: int) -> Sequence[Change]:
    """Return the changes of an entry, the oldest first."""
    page = await story_of_entry(
        pool, key, organization_id=organization_id, number=number, limit=_MOST_CHANGES, cursor=None
    )
    # Without its join, the state of an entry is not known.
    return page.items[::-1] if page.next_cursor is None else []


def _entry_before(changes: Sequence[Change], sequence: int) -> dict[str, Any]:
    """Return the fields of an entry before a change of its list; empty before it joined."""
    state: dict[str, Any] = {}
    for one in changes:
        if one.sequence < sequence:
            state |= one.after
    return state


async def _rules_before(pool: Pool, key: ListKey, sequence: int) -> dict[str, Any]:
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_rules_before"), key.list_id, sequence, [*_RULES], _NEWEST)
    rules: dict[str, Any] = {}
    for one in records:
        rules |= json.loads(one["after"])
    return rules
