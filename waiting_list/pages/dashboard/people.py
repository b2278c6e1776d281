"""The names of fans on the dashboard."""

from collections.abc import Collection

from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.people import NO_PEOPLE, People, read_people
from waiting_list.web.request import ApiRequest
from waiting_list.web.shown_people import log_people, sees_people


async def people_of(
    call: ApiRequest, key: ListKey, numbers: Collection[int], users: Collection[str] = (), *, shown_in: str
) -> People:
    """Return the people of some entries of a list, and log that the organizer sees them in a place.

    Without the scope for that, the result is empty. Raises Unavailable.
    """
    if not sees_people(call):
        return NO_PEOPLE
    found = await read_people(call.pool, key, numbers, users)
    log_people(call, len(found), shown_in=shown_in)
    return found
