"""A cancelled representation: its lists end, every answer says so, and it can be taken back for a while."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from tests.support.lists import ORGANIZER, Lists
from tests.support.shop import LIST, Shop, problem
from tests.web.test_http import unchanged
from waiting_list.catalogue import cancellation
from waiting_list.lists.list_state import list_state
from waiting_list.lists.models import LeftReason, Status

PATH = f"/waiting-lists/{LIST}"
REASON = "The singer is ill."
GRACE = timedelta(minutes=15)


async def states(shop: Shop) -> list[tuple[str, str | None]]:
    """The state of the list in every answer that has it."""
    public = (await shop.http.get(f"/v1/user{PATH}")).json()
    shown = [public, await shop.made("GET", PATH), await shop.made("GET", f"/inventory/{LIST}")]
    shown += (await shop.made("GET", "/inventory"))["items"]
    shown += (await shop.made("GET", "/waiting-lists"))["items"]
    shown += (await shop.made("GET", "/waiting-lists?user_id=ada"))["items"]
    return [(one["list_state"], one["state_reason"]) for one in shown]


async def test_a_cancelled_show_reads_so_in_every_answer_and_takes_nobody(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    assert set(await states(shop)) == {("open", None)}
    cancelled = await shop.made("POST", "/representations/rep_1/cancel", {"reason": REASON})
    assert cancelled["cancelled_reason"] == REASON
    assert cancelled["cancelled_at"]
    assert set(await states(shop)) == {("cancelled", REASON)}
    assert (await shop.made("GET", "/representations/rep_1")) == cancelled
    # Neither a sync of the dates nor a second call changes when it was cancelled.
    dates = {name: cancelled[name] for name in ("event_id", "start_datetime", "end_datetime")}
    assert (await shop.made("PUT", "/representations/rep_1", dates)) == cancelled
    again = await shop.made("POST", "/representations/rep_1/cancel", {"reason": "The hall is closed."})
    assert again == cancelled | {"cancelled_reason": "The hall is closed."}
    async with unchanged(app):
        problem(await shop.user("bob", "POST", body={"tickets_wanted": 1}), 409, "waiting_list_ended")
        for verb in ("cancel", "reinstate"):
            problem(
                await shop.organizer("POST", f"/representations/nowhere/{verb}", {}),
                404,
                "representation_not_found",
            )


async def test_the_pages_say_that_a_show_is_cancelled(shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    await shop.made("POST", "/representations/rep_1/cancel", {"reason": REASON})
    page = (await shop.http.get(f"/waiting-lists/{LIST}")).text
    assert "This show is cancelled." in page
    assert REASON in page
    assert "This show is cancelled." in (await shop.http.get("/")).text


async def test_a_cancellation_that_is_taken_back_leaves_everybody_as_they_were(lists: Lists) -> None:
    for user in ("ada", "bob"):
        await lists.join(user)
    await lists.add_stock(1)
    before = [await lists.entry(user) for user in ("ada", "bob")]
    arguments: Any = (lists.pool, lists.engine.at(lists.now), ORGANIZER, "rep_1")
    await cancellation.cancel(*arguments, reason=REASON)
    await lists.end(grace=GRACE)
    lists.later(minutes=14)
    await lists.end(grace=GRACE)
    assert [await lists.status(user) for user in ("ada", "bob")] == [Status.READY, Status.WAITING]
    await cancellation.reinstate(*arguments)
    assert [await lists.entry(user) for user in ("ada", "bob")] == before
    await lists.buy("ada")
    await lists.audit()


async def test_the_people_of_a_cancelled_show_leave_after_the_grace(lists: Lists) -> None:
    await lists.join("ada")
    await cancellation.cancel(lists.pool, lists.engine.at(lists.now), ORGANIZER, "rep_1", reason=None)
    await lists.end(grace=GRACE)
    lists.later(minutes=15)
    await lists.end(grace=GRACE)
    assert (await lists.entry("ada")).left_reason is LeftReason.ENDED
    await lists.audit()


NOW = datetime(2030, 1, 1, tzinfo=UTC)
OPEN = {
    "cancelled_at": None, "cancelled_reason": None, "start_datetime": NOW + timedelta(days=1), "closes_at": None,
    "waiting_list_open": True, "closed_by_hand": False, "max_waiting": None, "waiting": 3, "draft": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({}, ("open", None)),
        ({"max_waiting": 4}, ("open", None)),
        ({"max_waiting": 3}, ("full", "max_waiting")),
        ({"waiting_list_open": False}, ("not_open", "on_sale")),
        ({"waiting_list_open": False, "closed_by_hand": True, "max_waiting": 3}, ("closed", "by_organizer")),
        ({"draft": True, "closed_by_hand": True}, ("not_open", "draft")),
        ({"closes_at": NOW}, ("ended", "closes_at")),
        ({"closes_at": NOW + timedelta(seconds=1)}, ("open", None)),
        ({"start_datetime": NOW, "closes_at": NOW, "closed_by_hand": True}, ("ended", "show_began")),
        ({"start_datetime": NOW, "cancelled_at": NOW, "cancelled_reason": REASON}, ("cancelled", REASON)),
        ({"cancelled_at": NOW}, ("cancelled", None)),
    ],
)
def test_each_state_has_its_reason(row: dict[str, Any], state: tuple[str, str | None]) -> None:
    assert list_state((OPEN | row).__getitem__, NOW) == state
