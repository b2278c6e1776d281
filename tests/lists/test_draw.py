"""Lots: a draw that neither the organizer nor the service can steer alone, and no place before it."""

import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from tests.lists.test_lookalikes import remove, restore
from tests.lists.test_outbox import add_webhook
from tests.lists.test_wishes import Wishing, states
from tests.support.ledger import verify
from tests.support.lists import ORGANIZATION, START, T0, Lists
from waiting_list.ledger.tree import root_at
from waiting_list.lists import verbs
from waiting_list.lists.draws import drand_round
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import Status
from waiting_list.lists.queries.coalesced import CoalescedReads
from waiting_list.postgres.pool import connection
from waiting_list.problems import CannotDraw, InvalidRequest, NotDrawn, Unavailable, WaitingListEnded
from waiting_list.settings import Settings

DRAW_AT = T0 + timedelta(hours=1)
SOURCE = "Winning numbers of the lottery on 5 January 2030, in rising order, with blanks"
NUMBERS = "3 17 21 29 40 44"


async def set_up(lists: Lists, *users: str, **more: object) -> None:
    await lists.configure(order="draw", draw_at=DRAW_AT, draw_source=SOURCE, **more)
    for user in users:
        await lists.join(user, 2, minimum=1)


async def drawn_order(lists: Lists, numbers: list[int], randomness: str = NUMBERS) -> list[int]:
    """Compute the order of the lots as an outsider does, from the history alone."""
    (row,) = await lists.rows("SELECT after->>'draw_secret' AS secret FROM history WHERE verb = 'draw'")
    seed = sha256(bytes.fromhex(row["secret"]) + randomness.encode()).digest()
    return sorted(numbers, key=lambda one: hmac.new(seed, one.to_bytes(8, "big"), sha256).digest())


async def line(lists: Lists) -> list[int]:
    found = await lists.rows("SELECT number FROM entries WHERE status <> 'left' ORDER BY rank")
    return [one[0] for one in found]


async def test_before_the_draw_no_fan_has_a_place_and_no_fan_is_served(lists: Lists) -> None:
    await set_up(lists, "ada", "bob")
    await lists.add_stock(3)
    ada = await lists.entry("ada")
    assert (ada.status, ada.position, ada.tickets_ahead) == (Status.WAITING, None, None)
    assert (await lists.inventory()).sellable == 0
    reads = CoalescedReads(lists.pool, Settings())
    explained = (await reads.explained_entry(lists.key, "ada", organization_id=ORGANIZATION)).why
    assert explained is not None
    assert (explained.code, explained.draw_at) == ("not_drawn", DRAW_AT)
    own = await reads.own_entry(lists.key, "bob", organization_id=ORGANIZATION)
    assert isinstance(own, bytes)
    assert b'"estimate":null' in own
    assert b'"draw_at":"2030-01-01T13:00:00Z"' in own
    snapshot = (await reads.queue_snapshot(lists.key)).body
    assert b'"segments":[]' in snapshot
    assert b'"draws_at":"2030-01-01T13:00:00Z"' in snapshot
    for refused in (lists.promote(1), lists.move("bob", to="first"), lists.move_several([2], "first")):
        with pytest.raises(NotDrawn) as problem:
            await refused
        assert problem.value.extra == {"draw_at": DRAW_AT}
    # To ask for more loses no place, because there is none.
    assert (await lists.change("ada", 4)).position is None
    assert await line(lists) == [1, 2]
    granted = await lists.grant("bob", 2)
    assert granted.entry is not None
    assert granted.entry.status is Status.READY
    await lists.audit()


async def test_lots_decide_and_later_fans_stand_behind_them_by_arrival(lists: Lists) -> None:
    users = [f"u{number}" for number in range(1, 41)]
    await set_up(lists, *users)
    await lists.leave("u7")
    await lists.grant("u8", 2, add_stock=True)
    lists.now = DRAW_AT
    await lists.join("late", 1)
    await lists.join("later", 1)
    await lists.add_stock(3)
    lists.later(minutes=5)
    answer = await lists.draw(f"  {NUMBERS.replace(' ', '  ')} ")
    expected = await drawn_order(lists, [n for n in range(1, 41) if n != 7])
    assert await line(lists) == [*expected, 41, 42]
    served = [number for number in expected if number != 8][:2]
    assert [one.number for one in answer.promoted] == served
    first, *_, last = [number for number in expected if number not in (8, *served)]
    assert (await lists.entry(f"u{first}")).position == 1
    assert (await lists.entry(f"u{last}")).position == 36
    assert (await lists.entry("late")).position == 37
    snapshot = (await CoalescedReads(lists.pool, Settings()).queue_snapshot(lists.key)).body
    assert b'"draws_at":null' in snapshot
    assert b'"segments":[[' in snapshot
    # From now on, all is as in any list.
    await lists.move("later", to="first")
    await lists.add_stock(2)
    assert (await lists.status("later"), (await lists.entry(f"u{first}")).tickets_held) == (Status.READY, 1)
    await lists.audit()


async def test_the_draw_is_held_once_and_a_repeat_answers_the_same(lists: Lists) -> None:
    await set_up(lists, "ada", "bob")
    with pytest.raises(CannotDraw):
        await lists.draw(NUMBERS)
    lists.now = DRAW_AT
    await lists.draw(NUMBERS)
    history = await lists.history()
    await lists.draw(NUMBERS)
    with pytest.raises(CannotDraw):
        await lists.draw("1 2 3")
    assert await lists.history() == history
    settings = (await lists.configure(max_waiting=9)).settings
    assert settings is not None
    assert settings.drawn_at == DRAW_AT
    await lists.audit()


@pytest.mark.parametrize("randomness", ["", " ", "1\x002", "x" * 1001, "ledger:00", "a\u200bb", "\uff11 2"])
async def test_randomness_that_nobody_could_compare_is_refused(lists: Lists, randomness: str) -> None:
    await set_up(lists, "ada")
    lists.now = DRAW_AT
    with pytest.raises(InvalidRequest):
        await lists.draw(randomness)


async def test_a_list_by_arrival_and_one_that_ended_have_no_draw(lists: Lists) -> None:
    with pytest.raises(CannotDraw):
        await lists.draw(NUMBERS)
    await set_up(lists, "ada")
    lists.now = START
    with pytest.raises(WaitingListEnded):
        await lists.draw(NUMBERS)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("draw_at", {"draw_source": SOURCE}),
        ("draw_at", {"draw_at": T0, "draw_source": SOURCE}),
        ("draw_at", {"draw_at": START, "draw_source": SOURCE}),
        ("draw_at", {"draw_at": DRAW_AT, "draw_source": SOURCE, "closes_at": DRAW_AT}),
    ],
)
async def test_a_draw_that_cannot_be_is_refused_at_its_field(
    lists: Lists, field: str, given: dict[str, object]
) -> None:
    with pytest.raises(InvalidRequest) as problem:
        await lists.configure(order="draw", **given)
    assert [error["field"] for error in problem.value.extra["errors"]] == [field]
    assert await lists.rows("SELECT 1 FROM draws") == []


async def test_a_draw_without_a_named_source_says_that_the_organizer_enters_the_value(lists: Lists) -> None:
    await lists.configure(order="draw", draw_at=DRAW_AT)
    await lists.configure(draw_source=SOURCE)
    settings = (await lists.configure(draw_source=None)).settings
    assert settings is not None
    assert settings.draw_source == "a value that the organizer enters"
    await lists.join("ada", 1)
    lists.now = DRAW_AT
    await lists.draw(NUMBERS)
    await lists.audit()


async def test_order_and_source_stay_from_the_first_join_and_the_instant_once_it_has_come(lists: Lists) -> None:
    await set_up(lists)
    await lists.configure(draw_source="drand")
    await lists.configure(order="arrival")
    await set_up(lists, "ada")
    for changed in ({"order": "arrival"}, {"draw_source": "drand"}, {"draw_at": T0}, {"draw_at": None}):
        with pytest.raises(InvalidRequest):
            await lists.configure(**changed)
    later = DRAW_AT + timedelta(hours=1)
    await lists.configure(draw_at=later)
    lists.now = later
    with pytest.raises(InvalidRequest):
        await lists.configure(draw_at=later + timedelta(hours=1))
    await lists.draw(NUMBERS)
    with pytest.raises(InvalidRequest):
        await lists.configure(draw_at=later + timedelta(hours=1))
    await lists.audit()


async def test_the_secret_is_shown_by_the_draw_and_by_nothing_before(lists: Lists) -> None:
    await add_webhook(lists)
    await set_up(lists, "ada")
    (row,) = await lists.rows("SELECT d.secret, i.draw_commitment FROM draws d JOIN inventory i USING (list_id)")
    assert sha256(row["secret"]).hexdigest() == row["draw_commitment"]
    everywhere = (
        "SELECT concat(h.before, h.after) FROM history h UNION ALL SELECT body FROM outbox WHERE body IS NOT NULL"
    )
    assert not [one for (one,) in await lists.rows(everywhere) if row["secret"].hex() in one]
    lists.now = DRAW_AT
    await lists.draw(NUMBERS)
    assert [one for (one,) in await lists.rows(everywhere) if row["secret"].hex() in one]
    assert "list.changed" in [one[0] for one in await lists.rows("SELECT type FROM outbox")]


async def test_no_undo_reaches_across_the_draw(lists: Lists) -> None:
    await set_up(lists, "ada", "bob", "cleo")
    removed = await remove(lists, 2)
    lists.now = DRAW_AT - timedelta(seconds=30)
    gone = await remove(lists, 3)
    assert (await restore(lists, gone.undo)).numbers == (4,)
    await lists.audit()
    lists.now = DRAW_AT
    await lists.draw(NUMBERS)
    with pytest.raises(InvalidRequest):
        await restore(lists, removed.undo)
    assert await line(lists) == await drawn_order(lists, [1, 4])
    await lists.audit()


async def test_neither_a_fan_nor_an_organizer_takes_a_change_back_across_the_draw(lists: Lists) -> None:
    await set_up(lists, "ada", "bob", "cleo", automatic=False)
    lists.now = DRAW_AT - timedelta(seconds=30)
    early = await lists.make_change("ada", 3)
    await lists.undo("ada", early.undo)
    changed = await lists.make_change("ada", 1)
    removed = await lists.remove("cleo")
    await lists.take_back((await lists.remove("bob")).undo)
    returned = await lists.add_stock(2)
    assert changed.undo
    assert removed.undo
    assert returned.undo
    lists.now = DRAW_AT
    await lists.draw(NUMBERS)
    for refused in (
        lists.undo("ada", changed.undo),
        lists.take_back(removed.undo),
        lists.take_back(returned.undo),
    ):
        with pytest.raises(InvalidRequest):
            await refused
    assert await line(lists) == await drawn_order(lists, [1, 4])
    assert (await lists.entry("ada")).tickets_wanted == 1
    await lists.audit()


async def test_a_place_that_is_given_on_before_the_draw_takes_its_lot_along(lists: Lists) -> None:
    await set_up(lists, "ada", "bob", transfer=True)
    assert (await lists.transfer("ada", "wim", "wim@example.org")).position is None
    await lists.add_stock(2)
    lists.now = DRAW_AT
    await lists.draw(NUMBERS)
    order = await drawn_order(lists, [1, 2])
    assert await line(lists) == order
    assert await lists.status({1: "wim", 2: "bob"}[order[0]]) == Status.READY
    await lists.audit()


async def test_a_list_of_a_wish_holds_nothing_before_its_draw_and_as_usual_after_it(lists: Lists) -> None:
    wishing = await Wishing.make(lists)
    await set_up(wishing.may)
    for user in ("ada", "bob"):
        await wishing.wish(user)
    await wishing.may.add_stock(2)
    assert await states(wishing, "ada") == [("waiting", False), ("waiting", False)]
    await wishing.june.add_stock(1)
    wishing.may.now = wishing.june.now = DRAW_AT
    await wishing.work()
    assert await states(wishing, "ada") == [("waiting", False), ("ready", False)]
    await wishing.may.draw(NUMBERS)
    await wishing.work()
    assert await states(wishing, "ada") == [("waiting", True), ("ready", False)]
    assert (await states(wishing, "bob"))[0] == ("ready", False)
    await wishing.june.leave("ada")
    await wishing.work()
    assert (await states(wishing, "ada"))[0] == ("ready", False)
    await wishing.is_sound()


async def test_a_silent_organizer_delays_the_draw_by_a_day(lists: Lists) -> None:
    await set_up(lists, "ada", "bob", "cleo")
    lists.now = DRAW_AT + timedelta(hours=24, microseconds=-1)
    await lists.draw_by_clock()
    assert (await lists.entry("ada")).position is None
    changes = len(await lists.history())
    lists.later(microseconds=1)
    await lists.draw_by_clock()
    await lists.draw_by_clock()
    async with connection(lists.pool) as acquired:
        root = (await root_at(acquired, lists.key.list_id, changes)).hex()
    assert await line(lists) == await drawn_order(lists, [1, 2, 3], f"ledger:{root}")
    assert [verb for verb, _ in await lists.history()].count("draw") == 1
    assert "The source gave no value in time" in "\n".join((await verify(lists.pool, lists.key.list_id)).drawn)
    await lists.audit()


async def test_a_round_of_drand_draws_the_lots_that_were_to_be_drawn_then(lists: Lists) -> None:
    await lists.configure(order="draw", draw_at=DRAW_AT, draw_source="drand")
    for user in ("ada", "bob"):
        await lists.join(user, 1)
    signature = "5f" * 48
    randomness = sha256(bytes.fromhex(signature)).hexdigest()
    lists.now = DRAW_AT
    with pytest.raises(InvalidRequest):
        await lists.draw("heads")
    other = verbs.Beacon(DRAW_AT + timedelta(hours=1), 1, randomness, signature)
    await lists.draw_by_clock(other)
    assert (await lists.entry("ada")).position is None
    await lists.draw_by_clock(verbs.Beacon(DRAW_AT, drand_round(DRAW_AT), randomness, signature))
    assert await line(lists) == await drawn_order(lists, [1, 2], randomness)
    assert f"round {drand_round(DRAW_AT)} of drand" in "\n".join(
        (await verify(lists.pool, lists.key.list_id)).drawn
    )
    await lists.audit()


def test_the_first_round_of_drand_at_or_after_an_instant_counts() -> None:
    # Round 27946612 of quicknet came at midnight of 20 April 2026.
    midnight = datetime(2026, 4, 20, tzinfo=UTC)
    assert drand_round(midnight) == 27_946_612
    assert drand_round(midnight + timedelta(microseconds=1)) == 27_946_613


async def test_a_draw_whose_backend_is_killed_changes_nothing_and_comes_out_the_same(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [f"u{number}" for number in range(1, 9)]
    await set_up(lists, *users)
    lists.now = DRAW_AT
    reload_ranks = LockedList.reload_ranks

    async def killed(locked: LockedList) -> None:
        # Every statement of the draw has run, and none is committed.
        assert await locked.connection.fetchval("SELECT count(*) FROM entries WHERE rank % 1000000 <> 0") == 8
        # The plans of the statements after the lots are pinned as ever.
        pinned = "SELECT current_setting('enable_hashjoin'), current_setting('enable_nestloop')"
        assert tuple(await locked.connection.fetchrow(pinned) or ()) == ("off", "on")
        pid = await locked.connection.fetchval("SELECT pg_backend_pid()")
        async with connection(lists.pool) as other:
            await other.execute("SELECT pg_terminate_backend($1)", pid)
        await reload_ranks(locked)

    monkeypatch.setattr(LockedList, "reload_ranks", killed)
    with pytest.raises(Unavailable):
        await lists.draw(NUMBERS)
    monkeypatch.undo()
    assert await line(lists) == [*range(1, 9)]
    await lists.audit()
    await lists.draw(NUMBERS)
    assert await line(lists) == await drawn_order(lists, [*range(1, 9)])
    await lists.audit()
