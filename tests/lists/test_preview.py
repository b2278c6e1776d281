"""Previews: they show exactly what a verb would do, and change nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lists.test_outbox import add_webhook
from tests.support.lists import LIST, ORGANIZER, USER, Lists
from waiting_list.lists import verbs
from waiting_list.lists.engine import Engine
from waiting_list.lists.idempotency import Idempotency
from waiting_list.lists.models import Answer
from waiting_list.lists.settings_models import SettingsChange
from waiting_list.problems import ExceedsTotalStock, InventoryNotFound, NotInList, Problem, StockHeld
from waiting_list.settings import Settings

Act = Callable[[Engine], Awaitable[Answer]]
ACTS: dict[str, Act] = {
    "add_stock": lambda engine: engine.run(LIST, ORGANIZER, verbs.add_stock, quantity=5),
    "add_total_stock": lambda engine: engine.run(LIST, ORGANIZER, verbs.add_total_stock, quantity=5),
    "remove_total_stock": lambda engine: engine.run(LIST, ORGANIZER, verbs.remove_total_stock, quantity=1),
    "remove_stock": lambda engine: engine.run(LIST, ORGANIZER, verbs.remove_stock, quantity=2, revoke_holds=True),
    "move": lambda engine: engine.run(LIST, ORGANIZER, verbs.move, user_id="dan", to="first"),
    "remove": lambda engine: engine.run(LIST, ORGANIZER, verbs.remove, user_id="ada"),
    "buy": lambda engine: engine.run(LIST, ORGANIZER, verbs.buy, user_id="ada", quantity=1),
    "give_back": lambda engine: engine.run(LIST, ORGANIZER, verbs.give_back, user_id="ada", quantity=1),
    "grant": lambda engine: engine.run(LIST, ORGANIZER, verbs.grant, user_id="dan", tickets=1),
    "extend": lambda engine: engine.run(LIST, ORGANIZER, verbs.extend, user_id="ada", minutes=30),
    "extend_all": lambda engine: engine.run(LIST, ORGANIZER, verbs.extend_all, minutes=30),
    "checkout": lambda engine: engine.run(LIST, ORGANIZER, verbs.checkout, user_id="ada"),
    "change": lambda engine: engine.run(LIST, ORGANIZER, verbs.change, user_id="dan", tickets_wanted=2),
    "configure": lambda engine: engine.run(
        LIST, ORGANIZER, verbs.configure, settings=SettingsChange(policy="skip")
    ),
    "join": lambda engine: engine.run(LIST, USER, verbs.join, user_id="eve", tickets_wanted=1),
    "leave": lambda engine: engine.run(LIST, USER, verbs.leave, user_id="ada"),
    "pause": lambda engine: engine.run(LIST, USER, verbs.pause, user_id="bob"),
}


async def _line(lists: Lists) -> None:
    """ada holds 2 tickets, bob wants 4 where 1 is free, cleo and dan fit."""
    for user_id, wanted in (("ada", 2), ("bob", 4), ("cleo", 1), ("dan", 1)):
        await lists.join(user_id, wanted)
    await lists.add_stock(3)


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_a_preview_changes_nothing_and_answers_what_the_verb_then_does(lists: Lists, act: Act) -> None:
    await _line(lists)
    before = await lists.tables()
    for engine in (lists.engine, lists.engine.at(lists.now)):
        shown = await act(engine.preview)
        assert await lists.tables() == before
    assert await act(lists.engine.at(lists.now)) == shown
    assert await lists.tables() != before
    await lists.audit()


async def test_a_preview_tells_whom_it_would_send_back_and_whom_it_would_serve_instead(lists: Lists) -> None:
    """ada and eve hold 2 each, bob wants 4. Of eve's 2 one goes; the other suits cleo."""
    for user_id, wanted in (("ada", 2), ("eve", 2), ("bob", 4), ("cleo", 1)):
        await lists.join(user_id, wanted)
    await lists.add_stock(4)
    await lists.configure(policy="skip")
    for engine in (lists.engine.preview, lists.engine):
        answer = await engine.at(lists.now).run(LIST, ORGANIZER, verbs.remove_stock, quantity=1, revoke_holds=True)
        assert answer.revoked == ("eve",)
        assert [entry.user_id for entry in answer.promoted] == ["cleo"]
    assert await lists.line() == ["eve", "bob"]


async def test_who_accepts_what_is_left_of_a_revoked_hold_is_not_sent_back(lists: Lists) -> None:
    await lists.join("ada", 2, 1)
    await lists.add_stock(2)
    shown = await lists.engine.preview.run(LIST, ORGANIZER, verbs.remove_stock, quantity=1, revoke_holds=True)
    assert shown.revoked == ()
    assert [(entry.user_id, entry.tickets_held) for entry in shown.promoted] == [("ada", 1)]


async def test_a_preview_of_a_release_by_hand_names_whose_turn_it_would_be(lists: Lists) -> None:
    await lists.configure(automatic=False)
    await _line(lists)
    before = await lists.tables()
    shown = await lists.engine.preview.at(lists.now).run(LIST, ORGANIZER, verbs.promote, tickets=2)
    assert [(one.user_id, one.tickets_held) for one in shown.promoted] == [("ada", 2)]
    assert await lists.tables() == before
    assert await lists.engine.at(lists.now).run(LIST, ORGANIZER, verbs.promote, tickets=2) == shown


async def test_a_preview_tells_nobody_and_is_not_remembered(lists: Lists, tmp_path: Path) -> None:
    lists.engine = Engine(lists.pool, Settings(mail_folder=tmp_path))
    await add_webhook(lists)
    await lists.join("ada", 2, email="ada@example.org")
    once = Idempotency.of(caller="test", key="once", request="add 3")
    caller, before = replace(ORGANIZER, idempotency=once), await lists.tables()
    lists.engine.wake.clear()
    for _ in range(2):
        shown = await lists.engine.preview.run(LIST, caller, verbs.add_stock, quantity=3)
        assert not shown.replayed
    assert await lists.tables() == before
    assert not lists.engine.wake.is_set()
    assert not lists.engine.preview.wake.is_set()
    done = await lists.engine.run(LIST, caller, verbs.add_stock, quantity=3)
    assert not done.replayed
    changed = {name for name, rows in (await lists.tables()).items() if rows != before[name]}
    assert {"outbox", "idempotency"} < changed
    assert lists.engine.wake.is_set()


async def test_a_preview_raises_what_the_verb_would_raise(lists: Lists) -> None:
    await _line(lists)
    before = await lists.tables()
    for problem, verb in (
        (ExceedsTotalStock, lists.engine.preview.run(LIST, ORGANIZER, verbs.add_stock, quantity=98)),
        (StockHeld, lists.engine.preview.run(LIST, ORGANIZER, verbs.remove_stock, quantity=2)),
        (NotInList, lists.engine.preview.run(LIST, ORGANIZER, verbs.remove, user_id="nobody")),
        (
            InventoryNotFound,
            lists.engine.preview.run(LIST._replace(offer_id="x"), ORGANIZER, verbs.add_stock, quantity=1),
        ),
    ):
        with pytest.raises(problem):
            await verb
    assert await lists.tables() == before


async def test_previews_amid_a_storm_of_joins_take_no_number(lists: Lists) -> None:
    async def join(number: int) -> None:
        await lists.engine.run(LIST, USER, verbs.join, user_id=f"fan-{number}", tickets_wanted=1)

    async def look() -> None:
        try:
            await lists.engine.preview.run(LIST, ORGANIZER, verbs.add_total_stock, quantity=50)
        except Problem as problem:
            raise AssertionError from problem

    await asyncio.gather(*(join(number) if number % 3 else look() for number in range(150)))
    numbers = [row["number"] for row in await lists.rows("SELECT number FROM entries ORDER BY number")]
    assert numbers == list(range(1, 101))
    assert (await lists.inventory()).available_stock == 0
    await lists.audit()
