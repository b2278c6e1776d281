"""Define the organizer's call that lists the changes of all lists."""

from typing import Annotated

from fastapi import Query, Response

from waiting_list.fields import Frozen
from waiting_list.lists.queries import changes as change_queries
from waiting_list.lists.queries.models import ListChange
from waiting_list.postgres.pagination import LONGEST_CURSOR
from waiting_list.web.openapi import AUTHENTICATED, declared
from waiting_list.web.parameters import Limit
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import answer
from waiting_list.web.routes import EntriesRoute, organizer_router

router = organizer_router(EntriesRoute, "Lists")


class Feed(Frozen):
    """Changes of all lists.

    `next_after` is the place behind them: keep it, and go on there at any later time. `next_cursor` is the same,
    or null if there was no further change.
    """

    items: list[ListChange]
    next_after: str
    next_cursor: str | None


After = Annotated[
    str | None,
    Query(
        max_length=LONGEST_CURSOR,
        description="The `next_after` of an earlier answer, or `now` for the end. Without it, the first change of "
        "all comes first.",
    ),
]


@router.get("/changes", operation_id="list_changes", response_model=Feed, responses=declared(AUTHENTICATED))
async def list_changes(call: ApiRequest, after: After = None, limit: Limit = 50) -> Response:
    """List every change of all lists: each list in order and without gaps, and each change once.

    Changes of different lists have no common order. A change is in the feed once its transaction has committed.
    """
    page = await change_queries.changes(call.pool, call.organization_id, after=after, limit=limit)
    next_cursor = page.next_after if page.more else None
    return answer(Feed(items=page.items, next_after=page.next_after, next_cursor=next_cursor))
