"""The engine against the model, in random stories: the same answers, the same order, and a clean audit.

HYPOTHESIS_PROFILE=nightly makes it long (make nightly).
"""

import asyncio
import itertools
import os
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lists import ORGANIZATION, START, T0, Lists
from tests.model import Model, Refused
from waiting_list import reading
from waiting_list.audit import audit_list
from waiting_list.database import Pool
from waiting_list.engine import Engine
from waiting_list.models import ListKey
from waiting_list.problems import Problem
from waiting_list.settings import Settings

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
user = st.sampled_from(["ada", "bob", "cleo", "dan", "eve", "fay"])
few = st.integers(1, 4)


def call(verb: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.tuples(st.just(verb), st.fixed_dictionaries(arguments))


steps = st.one_of(
    call("join", user=user, wanted=st.integers(1, 5), minimum=few),
    call("join", user=user, wanted=few, minimum=st.just(1)),
    call("join", user=user, wanted=few, minimum=few),
    call("join", user=user, wanted=st.just(4), minimum=st.just(4)),
    call("change", user=user, wanted=st.integers(1, 5)),
    call("leave", user=user),
    call("buy", user=user, quantity=st.none()),
    call("buy", user=user, quantity=st.none()),
    call("buy", user=user, quantity=few),
    call("add_stock", quantity=st.integers(1, 7)),
    call("add_stock", quantity=few),
    call("remove_stock", quantity=few, revoke_holds=st.booleans()),
    call("promote", tickets=few),
    call("move", user=user, to=st.sampled_from(["first", "last"]), before=st.none()),
    call("move", user=user, to=st.none(), before=user),
    call("later", hours=st.sampled_from([1, 24, 24, 24, 24 * 8])),
    call("expire"),
    call("expire"),
    call("end"),
    call("configure", policy=st.sampled_from(["strict", "skip"])),
    call("configure", policy=st.just("skip"), skip_limit=st.integers(0, 2)),
    call("configure", after_expiry=st.just("requeue")),
    call("configure", after_expiry=st.sampled_from(["leave", "requeue"])),
    call("configure", automatic=st.booleans()),
)


class Bridge:
    """A list that exists twice."""

    def __init__(self, lists: Lists) -> None:
        self.lists = lists
        self.model = Model(total=20, available=0, maximum=4, now=T0, start=START)

    async def step(self, verb: str, arguments: dict[str, Any]) -> None:
        if verb == "later":
            self.lists.later(**arguments)
            self.model.now = self.lists.now
            return
        if verb == "join":
            arguments = arguments | {"minimum": min(arguments["minimum"], arguments["wanted"])}
        expected = answered = "done"
        promoted: list[str | None] = []
        try:
            self.model.do(verb, **arguments)
        except Refused as refused:
            expected = str(refused)
        given_ = {"user_id" if name == "user" else name: value for name, value in arguments.items()}
        try:
            answer = await getattr(self.lists, verb)(**given_)
            promoted = [entry.user_id for entry in getattr(answer, "promoted", ())]
        except Problem as problem:
            answered = problem.code
        assert answered == expected
        if expected == "done" and verb not in ("join", "change", "leave"):
            assert promoted == [place.user for place in self.model.promoted]
        await self.compare()

    async def compare(self) -> None:
        key, model = self.lists.key, self.model
        only = reading.EntryFilter(offer_id=[key.offer_id])
        page = await reading.entries(self.lists.pool, ORGANIZATION, only, limit=500, cursor=None)
        shown = {entry.number: entry for entry in page.items}
        assert sorted(shown) == list(range(1, len(model.order) + 1))
        ahead = place = 0
        for one in model.order:
            entry = shown[one.number]
            assert (entry.user_id, entry.status, entry.tickets_held) == (one.user, one.status, one.held)
            if one.status == "waiting":
                place += 1
                assert (entry.position, entry.tickets_ahead) == (place, ahead)
                assert (entry.tickets_wanted, entry.tickets_minimum) == (one.wanted, one.minimum)
                ahead += one.wanted
        stock = await reading.inventory(self.lists.pool, key, organization_id=ORGANIZATION)
        assert (stock.total_stock, stock.available_stock, stock.free) == (model.total, model.available, model.free)
        finding = (await audit_list(self.lists.pool, key)).finding
        assert finding is None, finding


async def test_the_engine_does_what_the_model_does(pool: Pool) -> None:
    base = await Lists.make(pool)
    names = itertools.count(100)
    taken = 0

    async def story(played: list[tuple[str, dict[str, Any]]]) -> None:
        nonlocal taken
        key = ListKey(f"off_{next(names)}", f"rep_{next(names)}")
        await base.add_list(key, total=20, maximum=4)
        bridge = Bridge(Lists(pool, Engine(pool, Settings()), key, T0))
        for verb, arguments in played:
            await bridge.step(verb, arguments)
            taken += 1

    loop = asyncio.get_running_loop()

    @settings(
        max_examples=500 if NIGHTLY else 40, deadline=None, derandomize=not NIGHTLY, database=None, print_blob=True
    )
    @given(st.lists(steps, min_size=40, max_size=60))
    def stories(played: list[tuple[str, dict[str, Any]]]) -> None:
        # Hypothesis runs in a thread of its own; the pool belongs to this loop.
        asyncio.run_coroutine_threadsafe(story(played), loop).result(timeout=120)

    await asyncio.to_thread(stories)
    print(f"\n{taken} steps")
    assert taken > 1000
