"""Queries for the people behind entries: their names and addresses, for the organizer.

Only the dashboard and exports ask. No query for entries reads contacts, because joins and polls must stay fast.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql


class Person(NamedTuple):
    """The contact of an entry, as the organizer sees it."""

    number: int
    user_id: str | None
    """Set only where the query was for a user."""
    name: str | None
    email: str | None
    locale: str | None
    email_verified: bool
    subscribed: bool

    @property
    def title(self) -> str | None:
        """What to call the person: the name, else the address."""
        return self.name or self.email


@dataclass(frozen=True)
class People:
    """The people of some entries of one list; empty for an organizer who may see no names."""

    by_number: Mapping[int, Person]
    by_user: Mapping[str, Person]

    def get(self, number: int | None) -> Person | None:
        """Return the person of an entry, if a contact is known."""
        return self.by_number.get(number) if number is not None else None

    def title(self, number: int | None, user_id: str | None) -> str | None:
        """Return what to call the fan of an entry: the name, else the address, else the user id."""
        known = self.get(number) or self.by_user.get(user_id or "")
        return (known and known.title) or user_id

    def __len__(self) -> int:
        return len(self.by_number.keys() | {one.number for one in self.by_user.values()})


NO_PEOPLE = People({}, {})


async def read_people(pool: Pool, key: ListKey, numbers: Collection[int], users: Collection[str] = ()) -> People:
    """Return the people of these entries, and of the active entries of these users. Raises Unavailable.

    The caller must have found that the list belongs to the organization.
    """
    if not numbers and not users:
        return NO_PEOPLE
    async with connection(pool) as acquired:
        found = await acquired.fetch(sql("read_people"), key.list_id, [*numbers]) if numbers else []
        more = await acquired.fetch(sql("read_people_of_users"), key.list_id, [*users]) if users else []
    by_number = {one["number"]: Person(**one) for one in found}
    return People(by_number, {one["user_id"]: Person(**one) for one in more})
