"""Wishes over several lists, outside of the transactions of lists: make one, widen it, read those of a user.

The entries of a wish are made and changed by verbs, in each list by itself: `join` and `link` with its `wish_id`,
`leave` and `unlink`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from waiting_list.lists.models import ListKey
from waiting_list.lists.wishes import Choice
from waiting_list.postgres.pool import Pool, clock, connection, transaction
from waiting_list.postgres.statements import sql
from waiting_list.problems import InvalidRequest, WishNotFound

MOST_LISTS = 20
"""How many lists a wish may have."""


class Wish(NamedTuple):
    """A wish of one user over several lists of one organization."""

    wish_id: UUID
    choice: Choice
    created_at: datetime
    lists: tuple[ListKey, ...]
    """The lists that were asked for and still exist, in the user's order; the user may have no entry in some."""
    held: ListKey | None
    """The list that holds tickets for the wish. None as well for a wish that may have several holds."""
    done: ListKey | None
    """The list that has fulfilled the wish: the entries in the others leave within a second."""
    done_at: datetime | None


async def make_wish(
    pool: Pool, wish_id: UUID, *, organization_id: str, user_id: str, choice: Choice, lists: Sequence[ListKey]
) -> None:
    """Write a wish that has no entry yet. Safe to repeat with the same id. Raises InvalidRequest, Unavailable.

    The worker deletes a wish that has had no entry for a day.
    """
    ids = [key.list_id for key in dict.fromkeys(lists)]
    if not 2 <= len(ids) <= MOST_LISTS:
        raise InvalidRequest.of("lists", f"must be 2 to {MOST_LISTS} different lists")
    async with transaction(pool) as acquired:
        now = await clock(acquired)
        await acquired.execute(sql("insert_wish"), wish_id, organization_id, user_id, choice.value, ids, now)


async def widen_wish(
    pool: Pool, wish_id: UUID, *, organization_id: str, user_id: str, lists: Sequence[ListKey]
) -> None:
    """Add lists to a wish of the user, for `join` and `link`. Safe to repeat.

    Raises WishNotFound, also for a wish that is fulfilled; InvalidRequest for too many lists, Unavailable.
    """
    ids = [key.list_id for key in dict.fromkeys(lists)]
    async with transaction(pool) as acquired:
        many = await acquired.fetchval(sql("widen_wish"), wish_id, organization_id, user_id, ids)
        if many is None:
            raise WishNotFound("The user has no such wish, or it is fulfilled.")
        if many > MOST_LISTS:
            raise InvalidRequest.of("lists", f"must be {MOST_LISTS} at most")


async def wishes_of(pool: Pool, *, organization_id: str, user_id: str) -> list[Wish]:
    """Return the wishes of a user in one organization, the newest first. Raises Unavailable.

    Their entries are those of the user (`read_entries`) with the `wish_id`.
    """
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_wishes_of_user"), organization_id, user_id)
    found: dict[UUID, Wish] = {}
    for one in records:
        key = ListKey(one["offer_id"], one["representation_id"])
        made = (Choice(one["choice"]), one["created_at"], (), None, None, one["done_at"])
        wish = found.get(one["wish_id"]) or Wish(one["wish_id"], *made)
        found[wish.wish_id] = wish._replace(
            lists=(*wish.lists, key),
            held=key if one["held"] else wish.held,
            done=key if one["done"] else wish.done,
        )
    return list(found.values())
