"""Wishes over several lists: one hold at a time, exact places, and the fan's choice for the other entries."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.lists import LIST, ORGANIZATION, Lists
from waiting_list.lists.models import ListKey, Status
from waiting_list.lists.wishes import Choice
from waiting_list.maintenance import Maintenance
from waiting_list.postgres.statements import sql
from waiting_list.problems import WishFulfilled

OTHER = ListKey("off_2", "rep_2")


class Wishing:
    """Two lists, each sold out, and wishes over both."""

    def __init__(self, lists: Lists) -> None:
        self.may, self.june = lists, Lists(lists.pool, lists.engine, OTHER, lists.now)

    @classmethod
    async def make(cls, lists: Lists) -> "Wishing":
        await lists.add_list(OTHER, total=100, available=0)
        return cls(lists)

    async def wish(self, user: str, choice: str = "withdraw_when_bought", wanted: int = 1, **more: Any) -> UUID:
        wish_id = uuid4()
        ids = [LIST.list_id, OTHER.list_id]
        await self.may.rows(sql("insert_wish"), wish_id, ORGANIZATION, user, choice, ids, self.may.now)
        for lists in (self.may, self.june):
            await lists.join(user, wanted, wish=wish_id, **more)
        await self.work()
        return wish_id

    async def work(self) -> None:
        """What the worker does: every list heeds, and the wishes are marked."""
        for one in await self.due():
            await (self.may if one == LIST.offer_id else self.june).heed()
        await Maintenance(self.may.pool, self.may.engine)._mark_heeded()

    async def due(self) -> list[str]:
        found = await self.may.rows(sql("read_due_lists"), self.may.now - self.may.now)
        return sorted(one["offer_id"] for one in found if one["verb"] == "heed")

    async def is_sound(self) -> None:
        await self.may.audit()


@pytest.fixture
async def wishing(lists: Lists) -> Wishing:
    return await Wishing.make(lists)


async def states(wishing: Wishing, user: str) -> list[tuple[str, bool]]:
    found = [await lists.entry(user) for lists in (wishing.may, wishing.june)]
    return [(one.status.value, one.set_aside_at is not None) for one in found]


async def test_the_first_that_comes_true_is_held_and_the_others_wait_at_their_place(wishing: Wishing) -> None:
    await wishing.wish("ada", wanted=2)
    for lists in (wishing.may, wishing.june):
        await lists.join("bob", 1)
    await wishing.may.add_stock(2)
    assert await states(wishing, "ada") == [("ready", False), ("waiting", False)]
    # In June ada stands first, and bob gets what would be hers.
    await wishing.june.add_stock(2)
    assert await states(wishing, "ada") == [("ready", False), ("waiting", True)]
    assert (await wishing.june.entry("ada")).position == 1
    assert await wishing.june.status("bob") is Status.READY
    await wishing.is_sound()
    # The hold in May ends: the place in June counts again.
    await wishing.may.leave("ada")
    await wishing.is_sound()
    assert await wishing.due() == [OTHER.offer_id]
    await wishing.june.add_stock(1)
    await wishing.work()
    assert await states(wishing, "ada") == [("left", False), ("ready", False)]
    assert await wishing.due() == []
    await wishing.is_sound()


async def test_when_bought_the_other_entries_leave(wishing: Wishing) -> None:
    await wishing.wish("ada")
    await wishing.may.add_stock(1)
    await wishing.june.add_stock(1)
    await wishing.may.buy("ada")
    await wishing.is_sound()
    await wishing.work()
    assert await states(wishing, "ada") == [("left", False), ("left", False)]
    (left,) = await wishing.may.rows(
        "SELECT verb, actor, reason FROM history WHERE list_id = $1 AND verb = 'leave'", OTHER.list_id
    )
    assert tuple(left) == ("leave", "service", "wish fulfilled")
    await wishing.is_sound()


async def test_when_held_the_other_entries_leave_if_the_fan_chose_so(wishing: Wishing) -> None:
    await wishing.wish("ada", Choice.WITHDRAW_WHEN_HELD)
    await wishing.may.add_stock(1)
    await wishing.june.add_stock(1)
    await wishing.work()
    assert await states(wishing, "ada") == [("ready", False), ("left", False)]
    # The hold is taken back: the only place that is left keeps its rank, and is served again.
    await wishing.may.remove_stock(1, revoke_holds=True)
    assert await states(wishing, "ada") == [("waiting", False), ("left", False)]
    await wishing.may.add_stock(1)
    assert await states(wishing, "ada") == [("ready", False), ("left", False)]
    await wishing.work()
    await wishing.is_sound()


async def test_several_holds_at_once_are_for_a_fan_who_chose_them(wishing: Wishing) -> None:
    await wishing.wish("ada", Choice.KEEP_UNTIL_BOUGHT)
    await wishing.may.add_stock(1)
    await wishing.june.add_stock(1)
    assert await states(wishing, "ada") == [("ready", False), ("ready", False)]
    await wishing.is_sound()
    await wishing.june.buy("ada")
    await wishing.work()
    assert await states(wishing, "ada") == [("left", False), ("left", False)]
    assert (await wishing.may.inventory()).free == 1
    await wishing.is_sound()


async def test_a_hold_of_fewer_is_the_hold_of_the_wish_and_its_rest_waits_on(wishing: Wishing) -> None:
    await wishing.wish("ada", wanted=4, minimum=1, keeps=True)
    await wishing.may.add_stock(2)
    await wishing.june.add_stock(4)
    assert await states(wishing, "ada") == [("ready", False), ("waiting", True)]
    await wishing.may.add_stock(1)
    assert (await wishing.may.entry("ada")).tickets_held == 3
    await wishing.may.buy("ada")
    await wishing.work()
    # What was bought fulfils the wish; the rest waits on in May alone.
    assert await states(wishing, "ada") == [("waiting", False), ("left", False)]
    await wishing.may.add_stock(1)
    assert await states(wishing, "ada") == [("ready", False), ("left", False)]
    await wishing.is_sound()


async def test_a_lapsed_hold_releases_the_wish_and_the_new_place_belongs_to_it(wishing: Wishing) -> None:
    await wishing.may.configure(after_expiry="requeue")
    wish_id = await wishing.wish("ada")
    await wishing.may.add_stock(1)
    await wishing.june.add_stock(1)
    for lists in (wishing.may, wishing.june):
        lists.later(hours=25)
    await wishing.may.join("bob")
    await wishing.may.expire()
    # The tickets go to bob before the place at the end.
    assert await states(wishing, "ada") == [("waiting", False), ("waiting", True)]
    assert (await wishing.may.entry("ada")).wish_id == wish_id
    await wishing.work()
    assert await states(wishing, "ada") == [("waiting", False), ("ready", False)]
    await wishing.is_sound()


async def test_a_gift_beside_a_hold_of_the_wish_is_a_hold_of_its_own(wishing: Wishing) -> None:
    wish_id = await wishing.wish("ada")
    await wishing.may.add_stock(1)
    given = (await wishing.june.grant("ada", 1, add_stock=True)).entry
    assert given is not None
    assert (given.status, given.wish_id) == (Status.READY, None)
    assert (await wishing.may.entry("ada")).wish_id == wish_id
    await wishing.is_sound()


async def test_who_steps_aside_under_skip_makes_room_for_who_fits(wishing: Wishing) -> None:
    await wishing.june.configure(policy="skip")
    await wishing.wish("ada", wanted=2)
    await wishing.may.add_stock(2)
    await wishing.june.join("bob", 3)
    await wishing.june.join("cleo", 1)
    await wishing.june.add_stock(3)
    assert await wishing.june.status("bob") is Status.READY
    assert await wishing.june.status("cleo") is Status.WAITING
    await wishing.is_sound()


async def test_a_fan_joins_no_list_for_a_wish_that_another_has_fulfilled(wishing: Wishing) -> None:
    wish_id = uuid4()
    ids = [LIST.list_id, OTHER.list_id]
    await wishing.may.rows(
        sql("insert_wish"), wish_id, ORGANIZATION, "ada", "withdraw_when_bought", ids, wishing.may.now
    )
    await wishing.may.join("ada", wish=wish_id)
    await wishing.may.add_stock(1)
    await wishing.may.buy("ada")
    await wishing.work()
    with pytest.raises(WishFulfilled):
        await wishing.june.join("ada", wish=wish_id)
    await wishing.june.join("ada")
    assert await wishing.june.status("ada") is Status.WAITING
    await wishing.is_sound()


async def test_the_worker_does_what_a_call_that_died_has_left(wishing: Wishing) -> None:
    await wishing.wish("ada")
    await wishing.may.add_stock(1)
    await wishing.june.add_stock(1)
    await wishing.may.leave("ada")
    await Maintenance(wishing.may.pool, wishing.may.engine).work()
    assert await states(wishing, "ada") == [("left", False), ("ready", False)]
    assert await wishing.due() == []
    await wishing.is_sound()


async def test_a_person_who_was_erased_leaves_no_hold_of_a_wish(wishing: Wishing) -> None:
    await wishing.wish("ada")
    await wishing.may.add_stock(1)
    for lists in (wishing.may, wishing.june):
        await lists.erase("ada")
    await wishing.work()
    await wishing.is_sound()
