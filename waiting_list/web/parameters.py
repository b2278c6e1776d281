"""Define the parameters that calls share: ids in paths, limits, cursors, filters, and the idempotency key."""

from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from pydantic import BeforeValidator, TypeAdapter, ValidationError

from waiting_list.catalogue.search import EventSearch
from waiting_list.fields import Id, Instant, Text
from waiting_list.lists.models import LeftReason, ListKey, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.postgres.pagination import LONGEST_CURSOR
from waiting_list.problems import InvalidRequest, NotFound
from waiting_list.web.body_guard import SLASH
from waiting_list.web.request import LONGEST_IDEMPOTENCY_KEY


def header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """Describe for OpenAPI a header that the handler reads itself.

    As a parameter of the handler, the header would make a join a tenth slower.
    """
    return {
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": False,
                "schema": {"type": "string"} | schema,
                "description": description,
            }
        ]
    }


ONCE = header(
    "Idempotency-Key",
    "A caller that repeats a POST with the same key and body within 24 hours gets the first answer again.",
    minLength=1,
    maxLength=LONGEST_IDEMPOTENCY_KEY,
)
"""The header that `ApiRequest.caller_once` reads."""


PREVIEW = {
    "parameters": [
        {
            "name": "preview",
            "in": "query",
            "required": False,
            "schema": {"type": "boolean", "default": False},
            "description": "Answer with what the call would do, and change nothing. "
            "Exact until the next change of the list.",
        }
    ]
}
"""The parameter that `is_preview` reads, as `header` does, so that the call stays plain (web/direct_calls.py)."""


def is_preview(call: Request) -> bool:
    """Return whether the caller asks for a preview. Raises InvalidRequest."""
    sent = call.query_params.get("preview", "false")
    if sent not in ("true", "false"):
        raise InvalidRequest.of("query.preview", "must be true or false")
    return sent == "true"


def _with_slashes(value: object) -> object:
    return value.replace(SLASH, "/") if isinstance(value, str) else value


PathId = Annotated[Id, BeforeValidator(_with_slashes), Path()]
"""An id in a path. It may contain escaped slashes (web/body_guard.py)."""
_PATH_ID: TypeAdapter[str] = TypeAdapter(Annotated[Id, BeforeValidator(_with_slashes)])
Ids = Annotated[list[Id] | None, Query(max_length=100)]
Limit = Annotated[int, Query(ge=1, le=500, description="Maximum number of items on a page.")]
Cursor = Annotated[
    str | None, Query(max_length=LONGEST_CURSOR, description="The `next_cursor` of the previous page.")
]


def path_id(call: Request, name: str) -> str:
    """Return an id from the path. Raises NotFound if it is not a valid id."""
    try:
        return _PATH_ID.validate_python(call.path_params[name])
    except ValidationError as error:
        raise NotFound("There is no such page.") from error


def is_id(text: str) -> bool:
    """Return whether the text is a valid id."""
    try:
        return bool(_PATH_ID.validate_python(text))
    except ValidationError:
        return False


def path_key(call: Request) -> ListKey:
    """Return the list that the path names. Raises NotFound if an id is not valid."""
    return ListKey(path_id(call, "offer_id"), path_id(call, "representation_id"))


MOST_SEARCHED = 100
"""The most characters of a search."""
_WORDS = (
    "Only events with all of these words in title, description or venue, in any order, whatever their case and "
    "accents."
)
_PLACE = "Only events with all of these words in the name or the address of the venue."
_AVAILABLE = "With `true`, only events with a free ticket, or with a list that a fan can join now."


async def _filter(
    user_id: Ids = None,
    event_id: Ids = None,
    offer_id: Ids = None,
    representation_id: Ids = None,
    status: Annotated[list[Status] | None, Query()] = None,
    left_reason: Annotated[list[LeftReason] | None, Query()] = None,
    joined_before: Annotated[Instant | None, Query()] = None,
    joined_after: Annotated[Instant | None, Query()] = None,
    paused: Annotated[bool, Query(description="With `true`, only places that are paused.")] = False,
) -> entry_queries.EntryFilter:
    return entry_queries.EntryFilter(
        user_id, event_id, offer_id, representation_id, status, left_reason, joined_before, joined_after, paused
    )


async def _search(
    q: Annotated[Text | None, Query(max_length=MOST_SEARCHED, description=_WORDS)] = None,
    place: Annotated[Text | None, Query(max_length=MOST_SEARCHED, description=_PLACE)] = None,
    first: Annotated[date | None, Query(alias="from", description="First day, in the event's timezone.")] = None,
    last: Annotated[date | None, Query(alias="to", description="Last day, in the event's timezone.")] = None,
    available: Annotated[bool, Query(description=_AVAILABLE)] = False,
) -> EventSearch:
    return EventSearch(q, place, first, last, available)


Search = Annotated[EventSearch, Depends(_search)]
"""The query parameters that search for events."""
Filter = Annotated[entry_queries.EntryFilter, Depends(_filter)]
"""The query parameters that choose entries."""
