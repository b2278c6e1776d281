"""Add several dates or several lists to an event at once, and choose ids that people can read."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from waiting_list.catalogue.changes import write_representation
from waiting_list.catalogue.insert_new import NewList, create_lists
from waiting_list.catalogue.models import InventoryFields, RepresentationFields
from waiting_list.lists.engine import Caller
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import Pool, transaction

_LONGEST_SLUG = 40
_NOT_IN_SLUGS = re.compile(r"[^a-z0-9]+")


def readable_id(text: str, *unique: str) -> str:
    """Return an id that begins with the text in small ASCII letters and ends with the `unique` parts.

    The same text and parts give the same id, so a form that is sent twice makes one object.
    """
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = _NOT_IN_SLUGS.sub("-", ascii_only).strip("-")[:_LONGEST_SLUG].strip("-")
    return "-".join(part for part in (slug, *unique) if part)


async def add_dates(pool: Pool, caller: Caller, dates: Mapping[str, RepresentationFields]) -> int:
    """Create representations by their ids, all or none, and return how many are new.

    Raises EventNotFound, IdTaken, HasDependents.
    """
    assert caller.organization_id is not None
    new = 0
    async with transaction(pool) as acquired:
        for representation_id, fields in sorted(dates.items()):
            _, made = await write_representation(
                acquired, caller.organization_id, representation_id, fields, actor=caller.actor
            )
            new += made
    return new


async def add_lists(pool: Pool, caller: Caller, lists: Iterable[tuple[ListKey, InventoryFields]]) -> set[ListKey]:
    """Create the inventories that do not exist, all or none, and return their keys.

    An existing one keeps its stock. It leaves out a pair that is not of one event of the organization.
    """
    assert caller.organization_id is not None
    wanted = [NewList(caller.organization_id, key, stock) for key, stock in lists]
    async with transaction(pool) as acquired:
        return set(await create_lists(acquired, caller.actor, wanted))
