"""The statistics of a list, and the reasons of moves in its history."""

import pytest
from fastapi import FastAPI

from tests.support.lists import LIST as KEY
from tests.support.lists import ORGANIZATION, ORGANIZER, Lists
from tests.support.shop import LIST, Shop, problem
from tests.web.test_http import unchanged
from waiting_list.lists import verbs
from waiting_list.lists.queries.statistics import read_statistics

ENTRIES = f"/waiting-lists/{LIST}/entries"


async def test_each_period_says_how_many_tickets_were_wanted_at_its_end(lists: Lists) -> None:
    await lists.join("ada", 2)
    await lists.join("bob", 3)
    lists.later(hours=1)
    await lists.change("bob", 1)  # fewer
    await lists.join("cleo", 4)
    lists.later(hours=1)
    await lists.add_stock(2)  # ada is ready
    lists.later(hours=1)
    await lists.remove_stock(1, revoke_holds=True)  # ada waits again, for 2; 1 is free
    await lists.leave("cleo")
    lists.later(hours=1)
    await lists.erase("ada")  # bob, who wants 1, is ready
    lists.later(hours=1)
    await lists.join("dan", 6)
    told = await read_statistics(lists.pool, KEY, organization_id=ORGANIZATION, period="hour")
    assert [one.tickets_waiting for one in told.periods[-6:]] == [5, 7, 5, 3, 0, 6]
    assert [one.joins for one in told.periods[-6:]] == [2, 1, 0, 0, 0, 1]
    daily = await read_statistics(lists.pool, KEY, organization_id=ORGANIZATION, period="day")
    assert daily.periods[-1].tickets_waiting == 6


async def test_the_reason_of_a_move_is_in_the_history_until_the_person_is_erased(shop: Shop) -> None:
    await shop.stock()
    for user_id in ("ada", "bob", "cleo"):
        await shop.join(user_id)
    await shop.made("POST", f"{ENTRIES}/cleo/move", {"to": "first", "reason": "won the competition"})
    await shop.made("POST", f"{ENTRIES}/bob/move", {"to": "last"})
    history = (await shop.made("GET", f"/waiting-lists/{LIST}/history"))["items"]
    told = [(one["user_id"], one["reason"]) for one in history if one["verb"] == "move"]
    assert told == [("cleo", "won the competition"), ("bob", None)]
    assert {one["reason"] for one in history if one["verb"] != "move"} == {None}
    export = await shop.made("GET", "/users/cleo/export")
    assert [one["reason"] for one in export["history"]] == [None, "won the competition"]
    await shop.made("DELETE", "/users/cleo")
    history = (await shop.made("GET", f"/waiting-lists/{LIST}/history"))["items"]
    assert {one["reason"] for one in history} == {None}


async def test_the_reasons_of_others_outlive_an_erasure(lists: Lists) -> None:
    for user_id in ("ada", "bob"):
        await lists.join(user_id)
        await lists.engine.at(lists.now).run(
            KEY, ORGANIZER, verbs.move, user_id=user_id, to="last", before=None, reason=f"about {user_id}"
        )
        await lists.engine.at(lists.now).run(
            KEY, ORGANIZER, verbs.move, user_id=user_id, to="first", before=None, reason=f"about {user_id}"
        )
    await lists.erase("ada")
    rows = await lists.rows("SELECT DISTINCT reason FROM history WHERE reason IS NOT NULL")
    assert [row["reason"] for row in rows] == ["about bob"]
    await lists.audit()


async def test_who_makes_room_for_a_move_has_no_reason_of_it(lists: Lists) -> None:
    for user_id in ("ada", "bob", "cleo", "dan"):
        await lists.join(user_id)
    # Into the same gap until there is none, so that those in front are moved along.
    for _ in range(60):
        for user_id in ("cleo", "dan"):
            await lists.engine.at(lists.now).run(
                KEY, ORGANIZER, verbs.move, user_id=user_id, before="bob", reason="why"
            )
    moves = await lists.rows("SELECT number, reason FROM history WHERE verb = 'move' ORDER BY sequence")
    assert {row["number"] for row in moves if row["reason"] == "why"} == {3, 4}
    along = [row for row in moves if row["reason"] is None]
    assert len(along) == len(moves) - 120 > 0
    await lists.audit()


@pytest.mark.parametrize("reason", ["", "x" * 501, "a\nb", "\x00", 7])
async def test_a_reason_that_is_none_is_refused(app: FastAPI, shop: Shop, reason: object) -> None:
    await shop.stock()
    await shop.join("ada")
    async with unchanged(app):
        answer = await shop.organizer("POST", f"{ENTRIES}/ada/move", {"to": "first", "reason": reason})
        problem(answer, 422, "invalid_request")
