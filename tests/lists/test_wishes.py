"""Wishes over several lists: one hold at a time, exact places, and the fan's choice for the other entries."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.support.ledger import verify
from tests.support.lists import LIST, ORGANIZATION, ORGANIZER, Lists
from waiting_list.audit.report import Check, Difference
from waiting_list.audit.run import audit_lists
from waiting_list.audit.wishes import audit_wishes
from waiting_list.lists import verbs
from waiting_list.lists.engine import Engine
from waiting_list.lists.models import ListKey, Status
from waiting_list.lists.queries.wishes import make_wish, widen_wish, wishes_of
from waiting_list.lists.wish_keeping import forget_wishes, heed_wishes
from waiting_list.lists.wishes import Choice
from waiting_list.maintenance import Maintenance
from waiting_list.postgres.pool import connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import InvalidRequest, NotWaiting, WishFulfilled, WishNotFound
from waiting_list.settings import Settings

OTHER = ListKey("off_2", "rep_2")


class Wishing:
    """Two lists, each sold out, and wishes over both."""

    def __init__(self, lists: Lists) -> None:
        self.may, self.june = lists, Lists(lists.pool, lists.engine, OTHER, lists.now)

    @classmethod
    async def make(cls, lists: Lists) -> "Wishing":
        await lists.add_list(OTHER, total=100, available=0)
        return cls(lists)

    async def insert(self, user: str, choice: str = "withdraw_when_bought") -> UUID:
        wish_id = uuid4()
        ids = [LIST.list_id, OTHER.list_id]
        await self.may.rows(sql("insert_wish"), wish_id, ORGANIZATION, user, choice, ids, self.may.now)
        return wish_id

    async def wish(self, user: str, choice: str = "withdraw_when_bought", wanted: int = 1, **more: Any) -> UUID:
        wish_id = await self.insert(user, choice)
        for lists in (self.may, self.june):
            await lists.join(user, wanted, wish=wish_id, **more)
        await self.work()
        return wish_id

    async def work(self) -> None:
        """What the worker does: every list heeds, and the wishes are marked."""
        for _ in range(2):
            await heed_wishes(self.may.pool, self.may.engine.at(self.may.now))

    async def due(self) -> list[UUID]:
        found = await self.may.rows(sql("read_changed_wishes"))
        return [one["wish_id"] for one in found]

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
    assert len(await wishing.due()) == 1
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


async def test_fans_behind_are_served_past_the_first_and_past_a_wish_with_a_hold_elsewhere(
    wishing: Wishing,
) -> None:
    june = wishing.june
    await june.configure(idle_minutes=60)
    await june.join("zoe", 4, 4)
    await wishing.wish("ada")
    await june.join("bob", 1)
    await wishing.may.add_stock(1)
    await june.add_stock(1)
    june.later(minutes=60)
    await june.idle()
    assert await states(wishing, "ada") == [("ready", False), ("waiting", True)]
    assert [await june.status(user) for user in ("zoe", "bob")] == [Status.WAITING, Status.READY]
    await wishing.is_sound()
    await verify(june.pool, OTHER.list_id)


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
    worker = Maintenance(wishing.may.pool, wishing.may.engine)
    await worker.work()
    assert await states(wishing, "ada") == [("left", False), ("ready", False)]
    await worker.work()
    assert await wishing.due() == []
    await wishing.is_sound()


async def test_a_person_who_was_erased_leaves_no_hold_of_a_wish(wishing: Wishing) -> None:
    await wishing.wish("ada")
    await wishing.may.add_stock(1)
    for lists in (wishing.may, wishing.june):
        await lists.erase("ada")
    await wishing.work()
    await wishing.is_sound()


async def test_a_place_that_the_fan_has_already_becomes_part_of_a_wish_as_it_is(wishing: Wishing) -> None:
    for user in ("bob", "ada", "cleo"):
        await wishing.may.join(user, 2)
    was = await wishing.may.entry("ada")
    wish_id = await wishing.insert("ada")
    linked = (await wishing.may.link("ada", wish_id)).entry
    assert linked == was.model_copy(update={"wish_id": wish_id})
    await wishing.may.link("ada", wish_id)
    await wishing.june.join("ada", 2, wish=wish_id)
    await wishing.june.add_stock(2)
    await wishing.may.add_stock(6)
    assert await states(wishing, "ada") == [("waiting", True), ("ready", False)]
    # Another wish takes the place over, and the first one lets go of it.
    other_id = await wishing.insert("ada")
    await wishing.may.link("ada", other_id)
    assert await states(wishing, "ada") == [("ready", False), ("ready", False)]
    with pytest.raises(NotWaiting):
        await wishing.may.link("ada", wish_id)
    told = await wishing.may.rows("SELECT verb FROM history WHERE list_id = $1 AND verb = 'link'", LIST.list_id)
    assert len(told) == 2
    await wishing.is_sound()


async def test_no_place_becomes_part_of_the_wish_of_another_or_of_other_lists(wishing: Wishing) -> None:
    third = ListKey("off_3", "rep_3")
    await wishing.may.add_list(third, total=100, available=0)
    wish_id = uuid4()
    more = {"organization_id": ORGANIZATION, "choice": Choice.WITHDRAW_WHEN_BOUGHT}
    await make_wish(wishing.may.pool, wish_id, user_id="ada", lists=[OTHER, third], **more)
    for user in ("ada", "bob"):
        await wishing.may.join(user)
        await wishing.june.join(user)
    before = await wishing.may.tables()
    for lists, user, wish in (
        (wishing.may, "ada", wish_id),
        (wishing.june, "bob", wish_id),
        (wishing.june, "ada", uuid4()),
    ):
        with pytest.raises(WishNotFound):
            await lists.link(user, wish)
    with pytest.raises(WishNotFound):
        await wishing.may.join("cleo", wish=wish_id)
    assert await wishing.may.tables() == before
    owner = {"organization_id": ORGANIZATION, "user_id": "ada"}
    await widen_wish(wishing.may.pool, wish_id, lists=[LIST, third], **owner)
    await wishing.may.link("ada", wish_id)
    (known,) = await wishes_of(wishing.may.pool, **owner)
    assert (known.wish_id, known.lists, known.held) == (wish_id, (OTHER, third, LIST), None)
    await wishing.may.add_stock(1)
    (known,) = await wishes_of(wishing.may.pool, **owner)
    assert (known.held, known.done) == (LIST, None)
    await wishing.may.buy("ada")
    (known,) = await wishes_of(wishing.may.pool, **owner)
    assert (known.held, known.done) == (None, LIST)
    with pytest.raises(WishNotFound):
        await widen_wish(wishing.may.pool, wish_id, lists=[LIST], **owner)
    for lists_of_wish in ([LIST], [LIST] * 2, [ListKey("off", str(number)) for number in range(21)]):
        with pytest.raises(InvalidRequest):
            await make_wish(wishing.may.pool, uuid4(), user_id="ada", lists=lists_of_wish, **more)
    await wishing.is_sound()


async def test_a_place_that_is_taken_out_of_its_wish_counts_by_itself(wishing: Wishing) -> None:
    await wishing.wish("ada")
    await wishing.may.add_stock(1)
    await wishing.june.add_stock(1)
    assert await states(wishing, "ada") == [("ready", False), ("waiting", True)]
    await wishing.june.unlink("ada")
    assert await states(wishing, "ada") == [("ready", False), ("ready", False)]
    await wishing.may.unlink("ada")
    await wishing.may.buy("ada")
    await wishing.work()
    assert await states(wishing, "ada") == [("left", False), ("ready", False)]
    await wishing.is_sound()


async def test_a_hold_that_is_taken_out_of_its_wish_sets_the_others_free(wishing: Wishing) -> None:
    await wishing.wish("ada")
    await wishing.may.add_stock(1)
    await wishing.june.add_stock(1)
    await wishing.may.unlink("ada")
    await wishing.work()
    assert await states(wishing, "ada") == [("ready", False), ("ready", False)]
    await wishing.is_sound()


async def test_many_in_a_row_who_have_tickets_elsewhere_are_set_aside_in_one_go(wishing: Wishing) -> None:
    users = [f"fan{number}" for number in range(1200)]
    for lists in (wishing.may, wishing.june):
        await lists.put_stock(1200, 0)
    await wishing.may.rows(
        "INSERT INTO wishes (wish_id, organization_id, user_id, choice, lists, created_at)"
        " SELECT gen_random_uuid(), $1, u, 'withdraw_when_bought', $2, $3 FROM unnest($4::text[]) AS u",
        ORGANIZATION,
        [LIST.list_id, OTHER.list_id],
        wishing.may.now,
        users,
    )
    await wishing.may.rows("INSERT INTO wish_locks VALUES ($1)", ORGANIZATION)
    wishes = {
        one["user_id"]: one["wish_id"] for one in await wishing.may.rows("SELECT user_id, wish_id FROM wishes")
    }
    for lists in (wishing.may, wishing.june):
        engine = Engine(lists.pool, Settings())
        await asyncio.gather(
            *(
                engine.run(lists.key, ORGANIZER, verbs.join, user_id=user, tickets_wanted=1, wish_id=wishes[user])
                for user in users
            )
        )
    await wishing.june.join("last")
    await wishing.may.add_stock(1200)
    began = await wishing.june.rows("SELECT count(*) FROM history WHERE verb = 'set_aside'")
    assert began[0][0] == 0
    await wishing.june.add_stock(1)
    assert await wishing.june.status("last") is Status.READY
    ((aside,),) = await wishing.june.rows("SELECT count(*) FROM entries WHERE set_aside_at IS NOT NULL")
    assert aside == 1200
    await wishing.may.remove_stock(600, revoke_holds=True)
    await wishing.june.add_stock(600)
    for _ in range(3):
        await wishing.work()
    holds = await wishing.june.rows("SELECT count(*) FROM entries WHERE status = 'ready' GROUP BY list_id")
    assert sorted(one[0] for one in holds) == [600, 601]
    await wishing.is_sound()


async def test_a_place_that_is_given_back_after_a_removal_is_in_its_wish_again(wishing: Wishing) -> None:
    wish_id = await wishing.wish("ada")
    removed = await wishing.june.remove("ada")
    await wishing.june.take_back(removed.undo)
    entry = await wishing.june.entry("ada")
    assert (entry.status, entry.wish_id) == (Status.WAITING, wish_id)
    await wishing.may.add_stock(1)
    await wishing.may.buy("ada")
    await wishing.work()
    assert await states(wishing, "ada") == [("left", False), ("left", False)]
    await wishing.is_sound()


async def test_a_hold_that_its_list_ends_or_an_organizer_removes_sets_the_others_free(wishing: Wishing) -> None:
    for user in ("ada", "bob"):
        await wishing.wish(user)
    await wishing.may.add_stock(2)
    await wishing.june.add_stock(2)
    assert await states(wishing, "ada") == await states(wishing, "bob") == [("ready", False), ("waiting", True)]
    await wishing.may.remove("ada")
    await wishing.work()
    assert await states(wishing, "ada") == [("left", False), ("ready", False)]
    await wishing.may.configure(closes_at=wishing.may.now + timedelta(minutes=1))
    wishing.may.later(minutes=2)
    wishing.june.later(minutes=2)
    await wishing.may.end()
    await wishing.work()
    assert await states(wishing, "bob") == [("left", False), ("ready", False)]
    await wishing.is_sound()


async def test_a_paused_place_of_a_wish_stays_paused_whatever_other_lists_hold(wishing: Wishing) -> None:
    await wishing.wish("ada")
    await wishing.june.pause("ada")
    await wishing.may.add_stock(1)
    await wishing.june.add_stock(1)
    assert await states(wishing, "ada") == [("ready", False), ("waiting", False)]
    await wishing.june.unpause("ada")
    assert await states(wishing, "ada") == [("ready", False), ("waiting", True)]
    await wishing.june.pause("ada")
    await wishing.may.leave("ada")
    await wishing.work()
    assert (await wishing.june.entry("ada")).paused_at is not None
    await wishing.june.unpause("ada")
    assert await states(wishing, "ada") == [("left", False), ("ready", False)]
    await wishing.is_sound()


async def test_a_wish_goes_once_no_entry_of_it_names_a_person(wishing: Wishing) -> None:
    for user in ("ada", "bob"):
        await wishing.wish(user)
    empty = await wishing.insert("cleo")
    await wishing.may.rows("UPDATE wishes SET created_at = now() - interval '23 hours'")
    for lists in (wishing.may, wishing.june):
        await lists.erase("ada")
    await wishing.may.erase("bob")
    await forget_wishes(wishing.may.pool)
    assert len(await wishing.may.rows("SELECT FROM wishes")) == 3
    await wishing.may.rows("UPDATE wishes SET created_at = now() - interval '25 hours'")
    await forget_wishes(wishing.may.pool)
    left = await wishing.may.rows("SELECT user_id, wish_id FROM wishes")
    assert [one["user_id"] for one in left] == ["bob"]
    assert empty not in {one["wish_id"] for one in left}
    await wishing.is_sound()


async def audit_both(wishing: Wishing) -> None:
    async with connection(wishing.may.pool) as acquired:
        for key in (LIST, OTHER):
            await audit_wishes(acquired, key.list_id)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ("UPDATE wishes SET held_list_id = NULL, held_number = NULL", "has a hold that it does not name"),
        ("UPDATE wishes SET held_number = 7", "has a hold that it does not name"),
        ("UPDATE wishes SET choice = 'keep_until_bought', held_number = 7", "names a hold that is over"),
        (f"UPDATE wishes SET lists = array_remove(lists, '{OTHER.list_id}')", "does not name the list"),
        (
            "UPDATE wishes SET done_list_id = held_list_id, done_at = now()",
            "is fulfilled, and an entry is left over",
        ),
        (
            "UPDATE wishes SET choice = 'keep_until_bought', held_list_id = NULL, held_number = NULL",
            "is held nowhere else, and an entry waits for it",
        ),
        (
            "UPDATE entries SET status = 'ready', tickets_held = 1, ready_at = joined_at, ready_until = NULL,"
            " set_aside_at = NULL WHERE set_aside_at IS NOT NULL",
            "has several holds",
        ),
    ],
)
async def test_an_audit_finds_a_wish_that_its_entries_contradict(
    wishing: Wishing, change: str, wrong: str
) -> None:
    wish_id = await wishing.wish("ada")
    await wishing.may.add_stock(1)
    await wishing.june.add_stock(1)
    await wishing.work()
    await wishing.is_sound()
    await wishing.may.rows(change)
    with pytest.raises(Difference) as found:
        await audit_both(wishing)
    assert str(found.value) == f"The wish {wish_id} {wrong}."
    if change.startswith("UPDATE wishes"):
        reports = [one.finding async for one in audit_lists(wishing.may.pool)]
        assert Check.WISH in {one.check for one in reports if one}


async def test_two_wishes_of_one_place_are_impossible(wishing: Wishing) -> None:
    await wishing.wish("ada")
    await wishing.june.join("bob")
    with pytest.raises(asyncpg.UniqueViolationError, match="entries_of_wishes"):
        await wishing.june.rows(
            "UPDATE entries SET wish_id = (SELECT wish_id FROM wishes) WHERE list_id = $1", OTHER.list_id
        )
