"""The engine against the model, in random stories: equal answers, equal order, a clean audit, and a ledger that
outsiders find right.

HYPOTHESIS_PROFILE=nightly makes it long (make nightly).
"""

import asyncio
import itertools
import os
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.ledger import verify
from tests.support.lists import ORGANIZATION, START, T0, Lists
from tests.support.model import Model, Refused, Wish, newest
from waiting_list.audit.run import audit_list
from waiting_list.audit.wishes import audit_wishes
from waiting_list.ledger.tree import root_at
from waiting_list.lists import join_limit, ranks
from waiting_list.lists.engine import Engine
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.statistics import read_statistics
from waiting_list.lists.rows import STOCK
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import Problem
from waiting_list.settings import Settings

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
user = st.sampled_from(["ada", "bob", "cleo", "dan", "eve", "fay"])
few = st.integers(1, 4)
address = st.sampled_from(["one@example.org", "one+b@example.org", "two@example.org"])
most = st.sampled_from([0, 1, 1, 2])
network = st.sampled_from(["192.0.2.0/24", "192.0.2.0/24", "2001:db8::/48"])
times = st.sampled_from(["00:00", "06:30", "12:30", "13:00", "22:00"])
several = st.lists(st.integers(1, 9), min_size=1, max_size=4)
lengths = st.lists(
    st.fixed_dictionaries({"days_before": st.sampled_from([0, 1, 20, 29]), "hold_minutes": st.integers(1, 3000)}),
    unique_by=lambda step: step["days_before"],
    max_size=3,
)


def call(verb: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.tuples(st.just(verb), st.fixed_dictionaries(arguments))


# What a story needs to get anywhere stands more than once.
steps = st.one_of(
    call("join", user=user, wanted=st.integers(1, 5), minimum=few),
    call("join", user=user, wanted=few, minimum=st.just(1)),
    call("join", user=user, wanted=few, minimum=few),
    call("join", user=user, wanted=st.just(4), minimum=st.just(4)),
    call("join", user=user, wanted=few, minimum=st.just(1), email=address),
    call("join", user=user, wanted=few, minimum=st.just(1), email=address),
    call("join", user=user, wanted=few, minimum=few, solved=st.just(True)),
    call("join", user=user, wanted=st.just(4), minimum=st.integers(1, 2), keeps=st.just(True)),
    call("join", user=user, wanted=st.just(4), minimum=st.just(1), keeps=st.just(True)),
    call("join", user=user, wanted=few, minimum=st.just(1), keeps=st.just(True)),
    call("change", user=user, wanted=st.none(), minimum=st.none(), keeps=st.booleans()),
    call("change", user=user, wanted=few, minimum=st.none(), keeps=st.just(True)),
    call("set_contact", user=user, email=st.none() | address),
    call("join", user=user, wanted=few, minimum=st.just(1), email=address, email_verified=st.just(True)),
    call("join", user=user, wanted=few, minimum=st.just(1), email=address, email_verified=st.just(True)),
    call("set_contact", user=user, email=address, email_verified=st.just(True)),
    call("verify", user=user, email=address),
    call("verify", user=user, email=address),
    call("join_by_email", user=user, wanted=few, email=address, network=network, most=most),
    call("correct_address", user=user, new_user=user, email=address),
    call("fail_address", user=user, email=address),
    call("fail_address", user=user, email=address),
    call("fail_address", user=user, email=address),
    call("mend_address", user=user, email=address),
    call("configure", skip_failed_addresses=st.sampled_from([True, True, False])),
    call("change", user=user, wanted=st.integers(1, 5), minimum=st.none()),
    call("change", user=user, wanted=st.none(), minimum=few),
    *(call("undo") for _ in range(4)),
    call("pause", user=user),
    call("pause", user=user),
    call("unpause", user=user),
    call("unpause", user=user),
    call("transfer", user=user, new_user=user, email=address),
    call("transfer", user=user, new_user=user, email=address),
    call("configure", transfer=st.sampled_from([True, True, True, False])),
    call("leave", user=user),
    call("remove", user=user),
    call("erase", user=user),
    call("buy", user=user, quantity=st.none()),
    call("buy", user=user, quantity=st.none()),
    call("buy", user=user, quantity=few),
    call("give_back", user=user, quantity=few),
    call("give_back", user=user, quantity=st.just(1)),
    call("grant", user=user, tickets=few, add_stock=st.booleans()),
    call("grant", user=user, tickets=few, add_stock=st.just(True)),
    call("extend", user=user, minutes=st.sampled_from([1, 600, 50_000])),
    call("extend_all", until=st.sampled_from([1, 2, 9, 31]).map(lambda days: T0 + timedelta(days=days))),
    call("checkout", user=user),
    call("checkout", user=user),
    call("configure", hold_grace_seconds=st.sampled_from([0, 60, 900])),
    call("add_stock", quantity=st.integers(1, 7)),
    call("add_stock", quantity=few),
    call("add_total_stock", quantity=few),
    call("remove_stock", quantity=few, revoke_holds=st.booleans()),
    call("remove_stock", quantity=few, revoke_holds=st.just(True)),
    call("remove_total_stock", quantity=few),
    call("put_stock", total=st.integers(10, 20), available=st.integers(0, 10), is_open=st.none()),
    call(
        "put_stock", total=st.just(20), available=st.integers(0, 10), is_open=st.sampled_from([None, True, False])
    ),
    call("promote", tickets=few),
    call("put_offer", maximum=st.integers(1, 5)),
    call("put_stock", total=st.integers(2, 4), available=st.integers(0, 2), is_open=st.none()),
    call("move", user=user, to=st.sampled_from(["first", "last"]), before=st.none()),
    call("move", user=user, to=st.none(), before=user),
    call("move", user=user, to=st.none(), before=st.none(), after=user),
    call("move_several", numbers=several, to=st.sampled_from(["first", "last"])),
    call("extend_all", until=st.just(T0 + timedelta(days=31)), numbers=several),
    call("later", hours=st.sampled_from([1, 24, 24, 24, 24 * 8])),
    call("expire"),
    call("expire"),
    call("end", grace=st.sampled_from([timedelta(0), timedelta(0), timedelta(hours=30)])),
    call("end", grace=st.just(timedelta(hours=30))),
    call("resume"),
    call("idle"),
    call("idle"),
    call("configure", policy=st.just("strict"), idle_minutes=st.sampled_from([None, 1, 60, 60, 60 * 24])),
    call("configure", policy=st.just("strict"), idle_minutes=st.just(60)),
    call("reschedule", start=st.sampled_from([20, 30, 30, 40]).map(lambda days: T0 + timedelta(days=days))),
    call("configure", policy=st.sampled_from(["strict", "skip"])),
    call("configure", policy=st.just("skip"), skip_limit=st.integers(0, 2)),
    call("configure", after_expiry=st.just("requeue")),
    call(
        "configure", after_expiry=st.sampled_from(["leave", "requeue"]), hold_minutes=st.sampled_from([None, 30])
    ),
    call("configure", after_expiry=st.just("requeue"), requeue_limit=st.sampled_from([None, 1, 2])),
    call("configure", hold_steps=lengths),
    call("configure", quiet_from=times, quiet_until=times),
    call("configure", quiet_from=st.none(), quiet_until=st.none()),
    call("configure", verify_email=st.booleans()),
    call("configure", verify_email=st.just(True)),
    call("configure", join_challenge=st.sampled_from(["off", "off", "adaptive", "always"])),
    call("configure", one_place_per_address=st.sampled_from([None, True, True, False])),
    call("configure", ignore_address_tags=st.booleans()),
    call("configure", email_required=st.sampled_from([False, False, True])),
    call("configure", automatic=st.booleans()),
    call("configure", open=st.sampled_from([True, True, False])),
    call("configure", max_waiting=st.sampled_from([None, None, 3])),
    call("configure", closes_at=st.sampled_from([None, None, 20, 31]).map(lambda d: d and T0 + timedelta(days=d))),
)

# Stories of addresses: with all the other calls, too few of their steps would meet.
address_steps = st.one_of(
    call("join_by_email", user=user, wanted=few, email=address, network=network, most=most),
    call("join_by_email", user=user, wanted=few, email=address, network=network, most=most),
    call("join_by_email", user=user, wanted=few, email=address, network=network, most=most),
    call("correct_address", user=user, new_user=user, email=address),
    call("correct_address", user=user, new_user=user, email=address),
    call("join", user=user, wanted=few, minimum=st.just(1), email=address),
    call("verify", user=user, email=address),
    call("verify", user=user, email=address),
    call("verify", user=user, email=address),
    call("verify", user=user, email=address),
    call("set_contact", user=user, email=address, email_verified=st.booleans()),
    call("fail_address", user=user, email=address),
    call("leave", user=user),
    call("erase", user=user),
    call("grant", user=user, tickets=few, add_stock=st.just(True)),
    call("add_total_stock", quantity=few),
    call("later", hours=st.just(24)),
    call("expire"),
    call("configure", after_expiry=st.just("requeue")),
    call("configure", verify_email=st.booleans()),
    call("configure", one_place_per_address=st.booleans()),
    call("configure", ignore_address_tags=st.booleans()),
)

# Stories of lists whose order is drawn by lot, an hour after they begin.
DRAWN = {"order": "draw", "draw_at": T0 + timedelta(hours=1), "draw_source": "numbers"}
draw_steps = st.one_of(
    *(call("join", user=user, wanted=few, minimum=st.just(1)) for _ in range(4)),
    call("join", user=user, wanted=st.just(4), minimum=st.integers(1, 2), keeps=st.just(True)),
    *(call("draw") for _ in range(3)),
    call("draw_by_clock"),
    *(call("later", minutes=st.sampled_from([1, 30])) for _ in range(3)),
    call("later", hours=st.sampled_from([1, 24])),
    *(call("add_stock", quantity=few) for _ in range(2)),
    call("remove_stock", quantity=few, revoke_holds=st.booleans()),
    *(call("grant", user=user, tickets=few, add_stock=st.just(True)) for _ in range(2)),
    *(call("change", user=user, wanted=few, minimum=st.none()) for _ in range(2)),
    call("undo"),
    call("undo"),
    call("pause", user=user),
    call("unpause", user=user),
    call("leave", user=user),
    call("buy", user=user, quantity=st.none()),
    call("promote", tickets=few),
    call("move", user=user, to=st.sampled_from(["first", "last"]), before=st.none()),
    call("move", user=user, to=st.none(), before=user),
    call("move_several", numbers=several, to=st.sampled_from(["first", "last"])),
    call("expire"),
    call("configure", after_expiry=st.just("requeue")),
    call("configure", policy=st.just("strict"), idle_minutes=st.just(60)),
    call("idle"),
)


class Bridge:
    """A list that exists twice."""

    def __init__(self, lists: Lists, most_joins: int) -> None:
        self.lists = lists
        self.model = Model(total=20, available=0, maximum=4, now=T0, start=START, most_joins=most_joins)
        self.places: dict[int, int] = {}
        self.wish_ids: dict[str, UUID] = {}
        self.changed = "ada"
        """Who changed a wish last."""
        self.handles: dict[int, tuple[str, dict[int, int]]] = {}
        """By which handle each entry can undo its newest change, and the positions before that."""
        self.undone = 0

    async def step(self, verb: str, arguments: dict[str, Any]) -> None:
        if verb == "later":
            self.lists.later(**arguments)
            self.model.now = self.lists.now
            return
        if verb in ("correct_address", "set_contact"):
            # No clock stands still between two transactions; a letter sent again has its name from the instant.
            self.lists.later(microseconds=1)
            self.model.now = self.lists.now
        if verb == "join":
            arguments = arguments | {"minimum": min(arguments["minimum"], arguments["wanted"])}
        if verb == "change":
            self.changed = arguments["user"]
        elif verb == "undo":
            arguments = {"user": self.changed}
        mine = [one for one in self.model.order if one.user == arguments.get("user")]
        latest = max(mine, key=newest, default=None)
        undo, before = self.handles.get(latest.number if latest else 0, ("1-1", {}))
        could_undo = latest and latest.undo
        wish = self.wish_ids.get(arguments.get("user", "")) if verb == "join" else None
        number = latest.number if latest and verb == "verify" else 1
        expected = answered = "done"
        promoted: list[Any] = []
        drawing = await self.drawing(verb) if verb in ("draw", "draw_by_clock") else {}
        try:
            self.model.do(verb, **arguments, **drawing)
        except Refused as refused:
            expected = str(refused)
        given_: dict[str, Any] = {"number": number} if verb == "verify" else {}
        given_ |= {"wish": wish} if wish else {}
        given_ |= {"wish_id": self.wish_ids[arguments["user"]]} if verb == "link" else {}
        given_ |= {"undo": undo} if verb == "undo" else {}
        given_ |= {"randomness": drawing["randomness"]} if verb == "draw" else {}
        given_ |= {"user_id" if name == "user" else name: value for name, value in arguments.items()}
        try:
            answer = await getattr(self.lists, "make_change" if verb == "change" else verb)(**given_)
            promoted = [(entry.number, entry.tickets_held) for entry in getattr(answer, "promoted", ())]
        except Problem as problem:
            answered = problem.code
        assert answered == expected
        if expected == "done" and hasattr(answer, "promoted"):
            assert promoted == [(place.number, place.held) for place in self.model.promoted]
        if verb in ("move", "move_several") and expected == "done" and (answer.undo or promoted):
            self.model.organizer_moved()  # the engine also records some that leave all in their places
        if verb == "change" and expected == "done" and latest:
            assert (answer.undo is not None) == (latest.undo is not None and latest.undo is not could_undo)
            if answer.undo:
                self.handles[latest.number] = answer.undo, self.places
        placed = self.places
        await self.compare(
            may_fall_back={"move", "move_several", "remove_stock", "undo"} & {verb}, mover=arguments.get("user")
        )
        if verb == "undo" and expected == "done":
            self.undone += 1
            # Each other fan is at most where they were before the change, and who joined since loses nothing.
            assert all(
                place <= max(before.get(number, 0), placed.get(number, place))
                for number, place in self.places.items()
                if latest and number != latest.number
            )

    async def drawing(self, verb: str) -> dict[str, Any]:
        """Return the secret of the draw, and the randomness with which the verb draws."""
        (row,) = await self.lists.rows("SELECT secret FROM draws WHERE list_id = $1", self.lists.key.list_id)
        randomness = "3 17 21"
        if verb == "draw_by_clock":
            counted = "SELECT count(*) FROM history WHERE list_id = $1"
            ((changes,),) = await self.lists.rows(counted, self.lists.key.list_id)
            async with connection(self.lists.pool) as acquired:
                randomness = f"ledger:{(await root_at(acquired, self.lists.key.list_id, changes)).hex()}"
        return {"secret": row["secret"], "randomness": randomness}

    async def compare(self, *, may_fall_back: set[str], mover: str | None) -> None:
        key, model = self.lists.key, self.model
        only = entry_queries.EntryFilter(offer_id=[key.offer_id])
        page = await entry_queries.entries(self.lists.pool, ORGANIZATION, only, limit=500, cursor=None)
        shown = {entry.number: entry for entry in page.items}
        async with connection(self.lists.pool) as acquired:
            counted = await acquired.fetch(
                "SELECT number, passed_over, unverified, address_failed FROM entries WHERE list_id = $1",
                key.list_id,
            )
        passed_over = {record["number"]: record["passed_over"] for record in counted}
        unverified = {record["number"] for record in counted if record["unverified"]}
        assert {one["number"] for one in counted if one["address_failed"]} == {
            place.number for place in model.order if place.failed
        }
        assert unverified >= {p.number for p in model.order if p.status != "left" and p.email and not p.verified}
        assert unverified.isdisjoint(p.number for p in model.order if p.verified or (p.user and not p.email))
        assert sorted(shown) == list(range(1, len(model.order) + 1))
        ahead = place = 0
        for one in model.order:
            entry = shown[one.number]
            assert (entry.user_id, entry.status, entry.tickets_held) == (one.user, one.status, one.held)
            assert (entry.left_reason, passed_over[one.number]) == (one.reason, one.passed_over)
            assert (entry.set_aside_at is not None, entry.wish_id is not None) == (one.aside, one.wish is not None)
            assert (entry.keep_waiting_for_rest, entry.paused_at) == (one.keeps, one.paused_at)
            if not model.undrawn and (one.status == "waiting" or one.is_rest):
                place += 1
                assert (entry.position, entry.tickets_ahead) == (place, ahead)
                ahead += one.wanted - one.held
            else:
                assert (entry.position, entry.tickets_ahead) == (None, None)
            if one.status != "left":
                assert (entry.tickets_wanted, entry.tickets_minimum) == (one.wanted, one.minimum)
            if one.status == "ready":
                assert (entry.ready_at, entry.ready_until) == (
                    one.ready_at,
                    min(one.until or model.ends, model.ends),
                )
            if one.status == "left":
                assert entry.ready_until == one.until
        places = {entry.number: entry.position for entry in page.items if entry.position}
        for number in places.keys() & self.places.keys():
            grew = places[number] > self.places[number]
            assert not grew or may_fall_back or shown[number].user_id == mover, "a position grew without a move"
        self.places = places
        stock = await list_queries.inventory(self.lists.pool, key, organization_id=ORGANIZATION)
        assert (stock.total_stock, stock.available_stock, stock.free) == (model.total, model.available, model.free)
        assert stock.waiting_list_open == model.open
        (idle,) = await self.lists.rows("SELECT idle_until FROM inventory WHERE list_id = $1", key.list_id)
        assert idle["idle_until"] == model.idle_until
        (changed,) = await self.lists.rows(
            "SELECT max(sequence) FROM history WHERE list_id = $1 AND after ?| $2", key.list_id, sorted(STOCK)
        )
        assert stock.version == changed["max"]
        told = await read_statistics(self.lists.pool, key, organization_id=ORGANIZATION, period="hour")
        assert told.periods[-1].tickets_waiting == sum(one.wanted for one in model.are("waiting"))
        assert told.periods[-1].tickets_held == sum(one.held for one in model.are("ready"))
        finding = (await audit_list(self.lists.pool, key)).finding
        assert finding is None, finding


@pytest.mark.parametrize(
    ("kinds", "examples"),
    [(steps, 34), (address_steps, 12), (draw_steps, 9)],
    ids=["all", "addresses", "draws"],
)
async def test_the_engine_does_what_the_model_does(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, kinds: st.SearchStrategy[Any], examples: int
) -> None:
    base = await Lists.make(pool)
    names = itertools.count(100)
    taken = undone = drawn = 0

    async def story(played: list[tuple[str, dict[str, Any]]], rank_step: int, most_joins: int) -> None:
        nonlocal taken, undone, drawn
        monkeypatch.setattr(ranks, "RANK_STEP", rank_step)
        monkeypatch.setattr(join_limit, "MOST_JOINS", most_joins)
        key = ListKey(f"off_{next(names)}", f"rep_{next(names)}")
        await base.add_list(key, total=20, maximum=4)
        bridge = Bridge(Lists(pool, Engine(pool, Settings()), key, T0), most_joins)
        if kinds is draw_steps:
            await bridge.lists.configure(**DRAWN)
            bridge.model.draw_at = T0 + timedelta(hours=1)
        for verb, arguments in played:
            await bridge.step(verb, arguments)
            taken += 1
        undone += bridge.undone
        drawn += bridge.model.drawn_with is not None
        await verify(pool, key.list_id)

    loop = asyncio.get_running_loop()

    # Ranks without a gap, where every move must make room; as they are; and two of them to a segment.
    # Lots are ranked by the usual step.
    steps_of_ranks = [1, ranks.RANK_STEP, 1 << (ranks.SEGMENT_BITS - 1)]
    rank_steps = st.sampled_from(steps_of_ranks if kinds is not draw_steps else [ranks.RANK_STEP])

    @settings(
        max_examples=500 if NIGHTLY else examples,
        deadline=None,
        derandomize=not NIGHTLY,
        database=None,
        print_blob=True,
    )
    @given(st.lists(kinds, min_size=40, max_size=60), rank_steps, st.sampled_from([2, join_limit.MOST_JOINS]))
    def stories(played: list[tuple[str, dict[str, Any]]], rank_step: int, most_joins: int) -> None:
        # Hypothesis runs in a thread of its own; the pool belongs to this loop.
        asyncio.run_coroutine_threadsafe(story(played, rank_step, most_joins), loop).result(timeout=120)

    await asyncio.to_thread(stories)
    print(f"\n{taken} steps, {undone} changes undone, {drawn} lists drawn")
    assert taken > 25 * examples
    assert undone > 10 or kinds is not steps
    assert drawn > examples // 2 or kinds is not draw_steps


CHOICES = {
    "ada": "withdraw_when_bought",
    "bob": "withdraw_when_bought",
    "dan": "withdraw_when_bought",
    "cleo": "keep_until_bought",
    "fay": "withdraw_when_held",
}
wisher = st.sampled_from([*CHOICES, "eve"])
of_wishes = st.one_of(
    call("join", user=wisher, wanted=few, minimum=st.just(1)),
    call("join", user=wisher, wanted=few, minimum=st.just(1), keeps=st.just(True)),
    call("add_stock", quantity=few),
    call("add_stock", quantity=few),
    call("add_stock", quantity=few),
    *(call("remove_stock", quantity=few, revoke_holds=st.just(True)) for _ in range(3)),
    *(call("buy", user=wisher, quantity=st.none()) for _ in range(4)),
    call("give_back", user=wisher, quantity=few),
    *(call("leave", user=st.just(user)) for user in ("ada", "bob", "dan")),
    *(call(verb, user=st.sampled_from([*CHOICES])) for verb in ("link", "link", "unlink")),
    call("remove", user=wisher),
    call("change", user=wisher, wanted=few, minimum=st.none()),
    call("pause", user=wisher),
    call("unpause", user=wisher),
    call("move", user=wisher, to=st.sampled_from(["first", "last"]), before=st.none()),
    call("grant", user=wisher, tickets=few, add_stock=st.just(True)),
    *(call("heed") for _ in range(6)),
    call("expire"),
    call("promote", tickets=few),
    call("idle"),
    call("later", hours=st.sampled_from([1, 24, 24])),
    call("configure", policy=st.sampled_from(["strict", "skip"]), skip_limit=st.integers(0, 2)),
    call("configure", policy=st.just("strict"), idle_minutes=st.sampled_from([None, 60])),
    call("configure", after_expiry=st.just("requeue")),
)


def returned(which: int, quantity: int) -> tuple[int, tuple[str, dict[str, Any]]]:
    return which, ("add_stock", {"quantity": quantity})


MAY_HOLDS = [returned(0, 2), returned(1, 2)]
"""In May tickets are held for ada, and her place in June is set aside; bob has what would be hers."""
OPENINGS = st.sampled_from(
    [
        MAY_HOLDS,
        [*MAY_HOLDS, returned(1, 1), returned(0, 3)],
        [*MAY_HOLDS, (0, ("leave", {"user": "ada"})), returned(1, 2), (1, ("heed", {}))],
        [returned(0, 2), (0, ("buy", {"user": "ada", "quantity": None})), returned(1, 4)],
        [returned(0, 8), returned(1, 8), (0, ("remove_stock", {"quantity": 3, "revoke_holds": True}))],
    ]
)
Steps = list[tuple[int, tuple[str, dict[str, Any]]]]


async def test_two_lists_that_share_wishes_do_what_two_models_do(pool: Pool) -> None:
    base = await Lists.make(pool)
    names = itertools.count(100)
    seen: Counter[str] = Counter()

    async def story(played: Steps) -> None:
        keys = [ListKey(f"off_{next(names)}", f"rep_{next(names)}") for _ in range(2)]
        for key in keys:
            await base.add_list(key, total=20, maximum=4)
        both = [Bridge(Lists(pool, Engine(pool, Settings()), key, T0), join_limit.MOST_JOINS) for key in keys]
        for user, choice in CHOICES.items():
            wish, wish_id = Wish(choice), uuid4()
            await base.rows(
                sql("insert_wish"), wish_id, ORGANIZATION, user, choice, [key.list_id for key in keys], T0
            )
            for one in both:
                one.model.wishes[user], one.wish_ids[user] = wish, wish_id
        for user, one in itertools.product([*CHOICES, "eve"], both):
            await one.step("join", {"user": user, "wanted": 2, "minimum": 1})
        for which, (verb, arguments) in played:
            for one in both if verb == "later" else [both[which]]:
                was = [place for place in one.model.order if place.aside]
                await one.step(verb, arguments)
                seen["brought back"] += any(not place.aside and place.status != "left" for place in was)
                seen["aside"] += any(place.aside for place in one.model.order)
                seen["too late"] += any(
                    place.aside and place.wish and place.wish.is_done(one.model) and place not in was
                    for place in one.model.order
                )
                seen["withdrawn"] += verb == "heed" and any(
                    place.reason == "cancelled" for place in one.model.order
                )
            for key in keys:
                async with connection(pool) as acquired:
                    await audit_wishes(acquired, key.list_id)
        for key in keys:
            await verify(pool, key.list_id)

    loop = asyncio.get_running_loop()

    @settings(
        max_examples=300 if NIGHTLY else 25, deadline=None, derandomize=not NIGHTLY, database=None, print_blob=True
    )
    @given(OPENINGS, st.lists(st.tuples(st.integers(0, 1), of_wishes), min_size=20, max_size=40))
    def stories(opening: Steps, played: Steps) -> None:
        asyncio.run_coroutine_threadsafe(story([*opening, *played]), loop).result(timeout=120)

    await asyncio.to_thread(stories)
    print(f"\n{dict(seen)}")
    assert seen["aside"] > 100, seen
    assert seen["brought back"] > 5, seen
    assert seen["withdrawn"] > 20, seen
    assert seen["too late"] > 1, seen
