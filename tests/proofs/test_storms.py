"""Storms of 64 clients with all verbs at once, on one list and on twenty, through two pools like two processes.

Meanwhile organizers cancel and reinstate the shows, change order limits and dates, and write to the fans.

Their answers must fit together, and the audit must be clean.
"""

import asyncio
import itertools
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.support.lists import ORGANIZATION, ORGANIZER, START, USER, Lists
from waiting_list.catalogue import cancellation
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue.models import OfferFields, RepresentationFields
from waiting_list.lists import verbs
from waiting_list.lists.contact import Contact
from waiting_list.lists.engine import Engine
from waiting_list.lists.models import Entry, ListKey, Status
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.coalesced import CoalescedReads
from waiting_list.notifications import messages
from waiting_list.notifications.messages import MessageFields
from waiting_list.postgres.pool import Pool, connect_pool, connection
from waiting_list.problems import Problem
from waiting_list.settings import Settings

CLIENTS = 64
CALLS = 40
"""For each client."""
TOTAL = 500


@dataclass
class Told:
    """What all clients together were told of one list."""

    joins: list[tuple[int, int, int, str]] = field(default_factory=list)
    """(asked at, answered at, number, user); the instants only order events."""
    places: defaultdict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    """The positions that a client saw for its entry, in the order that it saw them."""
    total: int = TOTAL
    in_stock: int = 0
    """The stock as the answers add up."""
    answers: Counter[str] = field(default_factory=Counter)


class Client:
    def __init__(
        self, name: str, pool: Pool, engine: Engine, reads: CoalescedReads, told: dict[ListKey, Told], ticks: Any
    ) -> None:
        self.name, self.pool, self.engine, self.reads = name, pool, engine, reads
        self.told, self.ticks = told, ticks
        self.random = random.Random(name)
        self.often: dict[Any, float] = {self.join: 9, self.look: 5, self.buy: 5} | dict.fromkeys(
            (self.leave, self.remove, self.change, self.add_stock, self.remove_stock, self.capacity), 1
        )
        self.often |= dict.fromkeys((self.extend, self.checkout, self.give_back, self.grant), 1)
        self.often |= dict.fromkeys((self.message, self.cancel, self.put_offer, self.reschedule), 0.5)

    async def storm(self) -> None:
        for _ in range(CALLS):
            key = self.random.choice(list(self.told))
            call = self.random.choices(*zip(*self.often.items(), strict=True))[0]
            try:
                await call(key, self.told[key])
                self.told[key].answers[call.__name__] += 1
            except Problem as problem:
                if problem.status >= 500:
                    raise
                self.told[key].answers[problem.code] += 1

    def saw(self, told: Told, entry: Entry | None) -> None:
        if entry and entry.position:
            told.places[self.name, entry.number].append(entry.position)

    async def join(self, key: ListKey, told: Told) -> None:
        asked = next(self.ticks)
        wanted = self.random.randint(1, 4)
        contact = Contact(email=f"{self.name}@example.org", email_verified=True)
        answer = await self.engine.run(
            key, USER, verbs.join, user_id=self.name, tickets_wanted=wanted, contact=contact
        )
        assert answer.entry
        told.joins.append((asked, next(self.ticks), answer.entry.number, self.name))
        self.saw(told, answer.entry)

    async def look(self, key: ListKey, told: Told) -> None:
        self.saw(told, await self.reads.entry(key, self.name, organization_id=ORGANIZATION))

    async def buy(self, key: ListKey, told: Told) -> None:
        held = (await self.reads.entry(key, self.name, organization_id=ORGANIZATION)).tickets_held
        quantity = self.random.randint(1, max(1, held))
        await self.engine.run(key, ORGANIZER, verbs.buy, user_id=self.name, quantity=quantity)
        told.in_stock -= quantity

    async def leave(self, key: ListKey, _: Told) -> None:
        await self.engine.run(key, USER, verbs.leave, user_id=self.name)

    async def remove(self, key: ListKey, _: Told) -> None:
        await self.engine.run(key, ORGANIZER, verbs.remove, user_id=self.name)

    async def change(self, key: ListKey, told: Told) -> None:
        self.saw(told, (await self.engine.run(key, USER, verbs.change, user_id=self.name, tickets_wanted=1)).entry)

    async def add_stock(self, key: ListKey, told: Told) -> None:
        quantity = self.random.randint(1, 4)
        await self.engine.run(key, ORGANIZER, verbs.add_stock, quantity=quantity)
        told.in_stock += quantity

    async def remove_stock(self, key: ListKey, told: Told) -> None:
        await self.engine.run(key, ORGANIZER, verbs.remove_stock, quantity=1)
        told.in_stock -= 1

    async def capacity(self, key: ListKey, told: Told) -> None:
        await self.engine.run(key, ORGANIZER, verbs.add_total_stock, quantity=1)
        told.in_stock += 1
        told.total += 1
        await self.engine.run(key, ORGANIZER, verbs.remove_total_stock, quantity=1)
        told.in_stock -= 1
        told.total -= 1

    async def extend(self, key: ListKey, _: Told) -> None:
        await self.engine.run(key, ORGANIZER, verbs.extend, user_id=self.name, minutes=self.random.randint(1, 60))

    async def checkout(self, key: ListKey, _: Told) -> None:
        await self.engine.run(key, ORGANIZER, verbs.checkout, user_id=self.name)

    async def give_back(self, key: ListKey, _: Told) -> None:
        await self.engine.run(key, USER, verbs.give_back, user_id=self.name, quantity=1)

    async def grant(self, key: ListKey, told: Told) -> None:
        asked = next(self.ticks)
        answer = await self.engine.run(key, ORGANIZER, verbs.grant, user_id=self.name, tickets=1)
        assert answer.entry
        number = answer.entry.number
        if (number, self.name) not in {(one, user) for _, _, one, user in told.joins}:
            told.joins.append((asked, next(self.ticks), number, self.name))

    async def message(self, key: ListKey, _: Told) -> None:
        asked = MessageFields(to=(Status.WAITING, Status.READY), subject={"en": "Doors"}, text={"en": "At 19:00."})
        await messages.send(self.engine, self.pool, b"secret", [key], ORGANIZER, asked, most=0)

    async def cancel(self, key: ListKey, _: Told) -> None:
        show = self.pool, self.engine, ORGANIZER, key.representation_id
        await cancellation.cancel(*show, reason="Rain")
        await cancellation.reinstate(*show)

    async def put_offer(self, key: ListKey, _: Told) -> None:
        maximum = self.random.randint(2, 6)
        fields = OfferFields(event_id="ev_1", name="Floor", max_quantity_per_order=maximum)
        await catalogue_changes.put_offer(self.pool, self.engine, ORGANIZER, key.offer_id, fields)

    async def reschedule(self, key: ListKey, _: Told) -> None:
        start = START + timedelta(minutes=self.random.randint(0, 60))
        dates = RepresentationFields(event_id="ev_1", start_datetime=start, end_datetime=start)
        date = key.representation_id
        await catalogue_changes.put_representation(self.pool, self.engine, ORGANIZER, date, dates)


@pytest.mark.parametrize("lists_", [1, 20])
async def test_what_the_clients_of_a_storm_were_told_fits_together(pool: Pool, dsn: str, lists_: int) -> None:
    base = await Lists.make(pool)
    told = {ListKey(f"off_{n}", f"rep_{n}"): Told() for n in range(100, 100 + lists_)}
    for key in told:
        await base.add_list(key, total=TOTAL)
    other = await connect_pool(Settings(), dsn)
    ticks = itertools.count()
    try:
        clerks = [(one, Engine(one, Settings()), CoalescedReads(one, Settings())) for one in (pool, other)]
        async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
            for n in range(CLIENTS):
                tasks.create_task(Client(f"fan_{n}", *clerks[n % 2], told, ticks).storm())
    finally:
        await other.close()
    async with connection(pool) as acquired:
        entries = await acquired.fetch("SELECT list_id, number, user_id FROM entries ORDER BY list_id, number")
    for key, one in told.items():
        numbers = [(row["number"], row["user_id"]) for row in entries if row["list_id"] == key.list_id]
        # No acknowledged join is missing or twice, and the numbers have no gap.
        assert sorted((number, user) for _, _, number, user in one.joins) == numbers
        assert [number for number, _ in numbers] == list(range(1, len(numbers) + 1))
        # Whoever was answered before another asked is ahead.
        highest = 0
        for _, number in sorted([(at, n) for _, at, n, _ in one.joins] + [(at, -n) for at, _, n, _ in one.joins]):
            if number > 0:
                highest = max(highest, number)
            else:
                assert -number > highest
        # Nobody moved or revoked, so no position grew.
        for seen in one.places.values():
            assert seen == sorted(seen, reverse=True)
        # No ticket was sold twice.
        stock = await list_queries.inventory(pool, key, organization_id=ORGANIZATION)
        assert (stock.total_stock, stock.available_stock) == (one.total, one.in_stock)
    await base.audit()
    done = sum((one.answers for one in told.values()), Counter[str]())
    print(f"\n{dict(done)}")
    assert done.total() == CLIENTS * CALLS
    often = ["join", "buy", "leave", "change", "add_stock", "message", "cancel", "put_offer", "reschedule"]
    # Few clients have a hold in one of twenty lists when they draw such a verb.
    of_holds = ["extend", "checkout", "give_back"] if lists_ == 1 else []
    assert min(done[verb] for verb in often + of_holds) > 0
