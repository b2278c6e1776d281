"""Changing how many tickets an entry wants."""

from fastapi import FastAPI

from tests.support.lists import Lists
from tests.support.shop import LIST, Shop, problem
from tests.web.test_http import unchanged
from waiting_list.lists.models import Status
from waiting_list.problems import AlreadyLeft, InvalidRequest, NotInList, NotWaiting, TooManyTickets


async def test_fewer_tickets_keep_the_place_and_may_fit_at_once(lists: Lists) -> None:
    await lists.join("ada", 4)
    await lists.join("bob", 1)
    await lists.add_stock(2)
    changed = await lists.change("ada", 2)
    assert (changed.status, changed.tickets_held, changed.number) == (Status.READY, 2, 1)
    await lists.audit()


async def test_more_tickets_go_last_under_the_same_number(lists: Lists) -> None:
    await lists.join("ada", 1)
    await lists.join("bob", 1)
    changed = await lists.change("ada", 2)
    assert (changed.number, changed.position, changed.tickets_minimum) == (1, 2, 2)
    assert (await lists.history())[-2:] == [("move", 1), ("change", 1)]
    assert (await lists.join("cleo")).position == 3
    assert await lists.line() == ["bob", "ada", "cleo"]


async def test_a_preview_shows_a_fan_the_place_that_more_tickets_would_cost(shop: Shop, app: FastAPI) -> None:
    await shop.stock()
    for user in ("ada", "bob", "cleo"):
        await shop.join(user, 1)
    path, wish = f"/waiting-lists/{LIST}/entry", {"tickets_wanted": 2}
    async with unchanged(app):
        would = (await shop.user("ada", "PATCH", f"{path}?preview=true", wish)).json()
    assert (would["position"], would["tickets_wanted"]) == (3, 2)
    assert (await shop.user("ada", "PATCH", path, wish)).json()["position"] == 3
    problem(await shop.user("ada", "PATCH", f"{path}?preview=maybe", wish), 422, "invalid_request")


async def test_a_minimum_follows_a_wish_below_it(lists: Lists) -> None:
    await lists.join("ada", 4, 3)
    assert (await lists.change("ada", 2)).tickets_minimum == 2
    await lists.join("bob", 4, 2)
    assert (await lists.change("bob", 3)).tickets_minimum == 2


async def test_changing_what_cannot_be_changed_is_refused(lists: Lists) -> None:
    async with lists.refused(NotInList):
        await lists.change("ada", 1)
    await lists.join("ada", 2)
    async with lists.refused(TooManyTickets):
        await lists.change("ada", 7)
    async with lists.refused(InvalidRequest):
        await lists.change("ada", 2, 3)
    await lists.add_stock(2)
    async with lists.refused(NotWaiting):
        await lists.change("ada", 1)
    await lists.leave("ada")
    async with lists.refused(AlreadyLeft):
        await lists.change("ada", 1)
