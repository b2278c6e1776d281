"""Find people in all lists of an organization: by words of names and addresses, by user id, and by number.

An index of words serves the search, so it finds how words begin: "lov" finds Ada Lovelace, and ada.lovelace@….
It knows no capitals and no accents. `docs/database.md` says why it has no index of every part of a word.
"""

import unicodedata
from datetime import datetime
from typing import NamedTuple

from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.people import Person
from waiting_list.lists.queries.why_waiting import OrganizersEntry
from waiting_list.postgres.pool import Pool, Record, snapshot
from waiting_list.postgres.statements import sql

LEAST_LETTERS = 2
"""The fewest letters that at least one word of a search by name must have."""
SEPARATORS = ".@-_+'\\/,()\""
"""What ends a word, besides a space and a typographic apostrophe, as in find_people_by_words.sql and its index."""
ACCENTS = "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u031b\u0323\u0327\u0328"
_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
_AS_STORED = str.maketrans("øđł" + SEPARATORS + _APOSTROPHE, "odl" + " " * len(SEPARATORS) + " ", ACCENTS)
_CANDIDATES = 500
"""How many matches of each kind are sorted. A search with more shows some of them, and says so."""
_LARGEST_NUMBER = 2**63 - 1


class Found(NamedTuple):
    """An entry that a search found, with its show, and its contact if the organizer may see it."""

    entry: OrganizersEntry
    person: Person | None
    event_title: str
    offer_name: str
    start_datetime: datetime
    timezone: str


class FoundPeople(NamedTuple):
    """What a search found, active entries first, then the newest. `has_more` says whether other entries match."""

    items: list[Found]
    has_more: bool


def words_of(text: str) -> list[str]:
    """Return the words of a search, as the index has them."""
    return unicodedata.normalize("NFD", text).lower().translate(_AS_STORED).split()


def is_too_short(text: str) -> bool:
    """Return whether a text is too short to search for names; a number or a user id may be found all the same."""
    return not any(len(word) >= LEAST_LETTERS for word in words_of(text))


async def find_people(
    pool: Pool, organization_id: str, text: str, *, names: bool, limit: int, key: ListKey | None = None
) -> FoundPeople:
    """Return the entries that match a text, in all lists of the organization or in one.

    Each word of the text must begin a word of the name or of the address; or the text is the user id, or the
    number (also as #12). Without `names`, the call neither searches for names nor returns them. Raises
    Unavailable.
    """
    which = key.list_id if key else None
    asked: list[tuple[str, object]] = [("find_people_by_user", text)]
    digits = text.removeprefix("#")
    if digits.isascii() and digits.isdecimal() and int(digits) <= _LARGEST_NUMBER:
        asked.append(("find_people_by_number", int(digits)))
    if names and not is_too_short(text):
        asked.append(("find_people_by_words", " & ".join(f"'{word}':*" for word in words_of(text))))
    async with snapshot(pool) as acquired:
        matches: dict[tuple[object, int], Record] = {}
        has_more = False
        for statement, value in asked:
            found = await acquired.fetch(sql(statement), organization_id, which, value, _CANDIDATES + 1)
            has_more |= len(found) > _CANDIDATES
            matches |= {(one["list_id"], one["number"]): one for one in found[:_CANDIDATES]}
        # In this order because sorts are stable: at the end the active ones are first, and each kind is in order.
        newest = sorted(matches, key=lambda one: matches[one]["joined_at"], reverse=True)
        shown = sorted(newest, key=lambda one: not matches[one]["is_active"])[:limit]
        which_entries = [one[0] for one in shown], [one[1] for one in shown]
        records = await acquired.fetch(sql("read_found_entries"), *which_entries)
        contacts = await acquired.fetch(sql("read_people_of_entries"), *which_entries) if names else []
    people = {(one["list_id"], one["number"]): Person(*(one[name] for name in Person._fields)) for one in contacts}
    by_place = {(place := (one["list_id"], one["number"])): _found(one, people.get(place)) for one in records}
    items = [by_place[one] for one in shown if one in by_place]
    return FoundPeople(items, has_more or len(matches) > limit)


def _found(record: Record, person: Person | None) -> Found:
    entry = OrganizersEntry.from_record(record)
    show = (record[name] for name in ("event_title", "offer_name", "start_datetime", "timezone"))
    return Found(entry, person, *show)
