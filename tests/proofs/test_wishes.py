"""Two lists that meet in one wish, on two connections, in every order of their steps.

A transaction asks for its list's lock, then for the wishes of the organization if it deals with one, writes, and
commits. The lists are not the same, so both transactions get their first lock at once. The first that gets the
wishes goes first: answers and tables must be those of the one and then the other.
"""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.support.lists import ORGANIZATION, ORGANIZER, START, USER, Lists
from waiting_list.audit.wishes import audit_wishes
from waiting_list.catalogue import csv_import
from waiting_list.catalogue.models import Event, InventoryFields, Offer, Representation
from waiting_list.lists import verbs
from waiting_list.lists.engine import SERVICE, Caller, Engine, Verb
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import Pool, connect_pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import Problem
from waiting_list.settings import Settings

ACTS: dict[str, tuple[Verb, Caller, dict[str, Any]]] = {
    "promote": (verbs.add_stock, ORGANIZER, {"quantity": 2}),
    "leave": (verbs.leave, USER, {"user_id": "ada"}),
    "buy": (verbs.buy, ORGANIZER, {"user_id": "ada"}),
    "revoke": (verbs.remove_stock, ORGANIZER, {"quantity": 2, "revoke_holds": True}),
    "expire": (verbs.expire, SERVICE, {}),
    "grant": (verbs.grant, ORGANIZER, {"user_id": "ada", "tickets": 1, "add_stock": True}),
    "heed": (verbs.heed, SERVICE, {}),
}
IN_MAY = ("promote", "leave", "buy", "revoke", "expire")
IN_JUNE = ("promote", "leave", "grant", "heed")


class Stage:
    """Ada wishes for May and June, and bob waits behind her in both. In May, tickets may be held for her already;
    then her place in June is set aside, or not yet."""

    def __init__(self, base: Lists, other: Pool) -> None:
        self.base, self.engines = base, (base.engine, Engine(other, Settings()))
        self.names = itertools.count(1)

    @classmethod
    @asynccontextmanager
    async def set_up(cls, lists: Lists, dsn: str) -> AsyncIterator["Stage"]:
        other = await connect_pool(Settings(), dsn)
        try:
            yield cls(lists, other)
        finally:
            await other.close()

    async def play(self, story: str) -> "Play":
        number = next(self.names)
        keys = ListKey(f"may_{number}", "rep_1"), ListKey(f"june_{number}", "rep_2")
        for key in keys:
            await self.base.add_list(key, total=100, available=0)
        lists = [Lists(self.base.pool, self.base.engine, key, self.base.now) for key in keys]
        wish_id, user = uuid4(), "ada"
        ids = [key.list_id for key in keys]
        await self.base.rows(
            sql("insert_wish"), wish_id, ORGANIZATION, user, "withdraw_when_bought", ids, self.base.now
        )
        for one in lists:
            await one.join("ada", 2, wish=wish_id)
            await one.join("bob", 1)
        if story != "nobody holds":
            await lists[0].add_stock(2)
        if story == "set aside":
            await lists[1].add_stock(1)
        await self.base.rows("UPDATE wishes SET heeded = changes WHERE wish_id = $1", wish_id)
        return Play(self, lists)

    async def wait_until_blocked(self) -> bool:
        """Return whether a connection waits for a lock, at once or within a moment."""
        for _ in range(40):
            async with connection(self.base.pool) as acquired:
                if await acquired.fetchval(
                    "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                    " WHERE NOT l.granted AND a.datname = current_database())"
                ):
                    return True
            await asyncio.sleep(0.005)
        return False


class Steps:
    """A call whose transaction stops before it writes and before it commits."""

    def __init__(self, engine: Engine, lists: Lists, act: str) -> None:
        self.engine, self.lists, self.act = engine, lists, act
        self.locked, self.written = asyncio.Event(), asyncio.Event()
        self.may_write, self.may_commit = asyncio.Event(), asyncio.Event()

    async def answer(self) -> str:
        verb, caller, arguments = ACTS[self.act]

        async def stepped(locked: LockedList, **given: Any) -> Any:
            self.locked.set()
            await self.may_write.wait()
            try:
                result = await verb(locked, **given)
                await verbs.settle(locked)
                await locked.flush()
                return result
            finally:
                self.written.set()
                await self.may_commit.wait()

        engine = self.engine.at(self.lists.now + timedelta(hours=24 if self.act == "expire" else 1))
        try:
            answer = await engine.run(self.lists.key, caller, stepped, **arguments)
        except Problem as problem:
            return problem.code
        shown = answer.model_dump_json().replace(self.lists.key.offer_id, "")
        return re.sub(r'"wish_id":"[^"]*"', "", shown)


class Play:
    def __init__(self, stage: Stage, lists: list[Lists]) -> None:
        self.stage, self.lists = stage, lists

    def steps(self, acts: tuple[str, str]) -> tuple[Steps, Steps]:
        first, second = (Steps(*one) for one in zip(self.stage.engines, self.lists, acts, strict=True))
        return first, second

    async def in_turn(self, acts: tuple[str, str], order: tuple[int, int]) -> Any:
        steps, answers = self.steps(acts), ["", ""]
        for index in order:
            steps[index].may_write.set()
            steps[index].may_commit.set()
            answers[index] = await steps[index].answer()
        return answers, await self.outcome()

    async def at_once(self, acts: tuple[str, str], order: tuple[int, int], when: str) -> Any:
        """Both have their list's lock; the second writes before or after the first has, and before its commit."""
        steps, answers = self.steps(acts), ["", ""]
        one, two = (steps[index] for index in order)
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            running = {index: tasks.create_task(steps[index].answer()) for index in order}
            await asyncio.gather(one.locked.wait(), two.locked.wait())
            one.may_write.set()
            await one.written.wait()
            two.may_write.set()
            two.may_commit.set()
            if when == "while the first has not committed":
                await self.stage.wait_until_blocked()
            one.may_commit.set()
        for index, task in running.items():
            answers[index] = task.result()
        return answers, await self.outcome()

    async def outcome(self) -> Any:
        """What is true of ada and bob in both lists, and of the wish, after the worker has come by."""
        before = await self.states()
        for _ in range(2):
            for lists in self.lists:
                await lists.heed()
        for lists in self.lists:
            async with connection(lists.pool) as acquired:
                await audit_wishes(acquired, lists.key.list_id)
        return before, await self.states()

    async def states(self) -> list[Any]:
        found = []
        for lists in self.lists:
            for user in ("ada", "bob"):
                entry = await lists.entry(user)
                found.append((entry.status, entry.tickets_held, entry.set_aside_at is not None, entry.position))
        holds = await self.stage.base.rows(
            "SELECT count(*) FROM entries WHERE wish_id IS NOT NULL AND status = 'ready' AND list_id = ANY ($1)",
            [lists.key.list_id for lists in self.lists],
        )
        assert holds[0][0] <= 1, "a wish has two holds"
        return found


async def test_an_import_and_a_list_that_meet_in_a_wish_do_not_wait_for_each_other(lists: Lists, dsn: str) -> None:
    async with Stage.set_up(lists, dsn) as stage:
        play = await stage.play("nobody holds")
        first, last = sorted(play.lists, key=lambda one: one.key.list_id)
        steps = Steps(stage.engines[1], last, "promote")
        found = catalogue_of(play.lists)
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            tasks.create_task(steps.answer())
            await steps.locked.wait()
            # It would hold tickets for ada in the first list, which claims her wish, and then wait for the last.
            tasks.create_task(csv_import.load(stage.base.pool, found, now=stage.base.now + timedelta(hours=1)))
            assert await stage.wait_until_blocked()
            steps.may_write.set()
            steps.may_commit.set()
        assert (await last.entry("ada")).tickets_held == 2
        entry = await first.entry("ada")
        assert (entry.tickets_held, entry.set_aside_at is not None) == (0, True)
        await lists.audit()


def catalogue_of(lists: list[Lists]) -> csv_import.Catalogue:
    """Return files with the lists of a play, with two tickets each."""
    found = csv_import.Catalogue()
    zone = "Europe/Paris"
    found.events["ev_1"] = Event(event_id="ev_1", organization_id=ORGANIZATION, title="Jazz", timezone=zone)
    for offer_id, date in (one.key for one in lists):
        found.offers[offer_id] = Offer(offer_id=offer_id, event_id="ev_1", name="Floor", max_quantity_per_order=6)
        found.representations[date] = Representation(
            representation_id=date, event_id="ev_1", start_datetime=START, end_datetime=START + timedelta(hours=3)
        )
        found.inventory[ListKey(offer_id, date)] = InventoryFields(total_stock=100, available_stock=2)
    return found


@pytest.mark.parametrize("story", ["nobody holds", "one holds", "set aside"])
@pytest.mark.parametrize("in_may", IN_MAY)
async def test_two_lists_that_meet_in_a_wish_do_as_one_after_the_other(
    lists: Lists, dsn: str, in_may: str, story: str
) -> None:
    async with Stage.set_up(lists, dsn) as stage:
        for in_june, order in itertools.product(IN_JUNE, ((0, 1), (1, 0))):
            acts = (in_may, in_june)
            expected = await (await stage.play(story)).in_turn(acts, order)
            for when in ("while the first has not committed", "as the first commits"):
                found = await (await stage.play(story)).at_once(acts, order, when)
                assert found == expected, (acts, order, when)
        await lists.audit()


async def test_a_preview_in_one_list_takes_no_wish_from_another(lists: Lists, dsn: str) -> None:
    async with Stage.set_up(lists, dsn) as stage:
        play = await stage.play("nobody holds")
        one, two = play.steps(("promote", "promote"))
        one.engine = one.engine.preview
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            tasks.create_task(one.answer())
            tasks.create_task(two.answer())
            await asyncio.gather(one.locked.wait(), two.locked.wait())
            one.may_write.set()
            await one.written.wait()
            two.may_write.set()
            two.may_commit.set()
            assert await stage.wait_until_blocked()
            one.may_commit.set()
        held = [(await one.entry("ada")).tickets_held for one in play.lists]
        assert held == [0, 2]
        await lists.audit()
