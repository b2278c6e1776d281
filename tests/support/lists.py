"""Share what the tests of the engine need: lists, a clock to set, and a view of the whole database."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from waiting_list.audit.run import audit_lists
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue.models import EventFields, InventoryFields, OfferFields, RepresentationFields
from waiting_list.ledger.tree import root_at
from waiting_list.lists import verbs
from waiting_list.lists.challenges import Proof
from waiting_list.lists.contact import Contact
from waiting_list.lists.engine import SERVICE, Caller, Engine
from waiting_list.lists.models import Answer, Entry, Inventory, ListKey, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries import history as history_queries
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.coalesced import CoalescedReads
from waiting_list.lists.settings_models import SettingsChange
from waiting_list.lists.unverified_places import ByEmail
from waiting_list.postgres.pool import Pool, connection
from waiting_list.problems import Problem
from waiting_list.settings import Settings

ORGANIZATION = "org_1"
LIST = ListKey("off_1", "rep_1")
USER = Caller(ORGANIZATION, "user")
ORGANIZER = Caller(ORGANIZATION, "organizer:test")
T0 = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
"""The instant at which every test begins; the show is 30 days later."""
START = T0 + timedelta(days=30)
TABLES = (
    "events",
    "representations",
    "offers",
    "inventory",
    "entries",
    "segments",
    "history",
    "contacts",
    "traces",
    "push_subscriptions",
    "webhooks",
    "outbox",
    "messages",
    "idempotency",
    "draws",
    "api_keys",
    "members",
)


@dataclass
class Lists:
    """An organization's list, sold out of 100 tickets, at most 6 in one order; with short names for the verbs.

    Every verb gets `now`, which a test moves with `later`.
    """

    pool: Pool
    engine: Engine
    key: ListKey = LIST
    now: datetime = T0

    @classmethod
    async def make(cls, pool: Pool, *, total: int = 100, available: int = 0, maximum: int = 6) -> "Lists":
        lists = cls(pool, Engine(pool, Settings()))
        await lists.add_event("ev_1")
        await lists.add_list(lists.key, total=total, available=available, maximum=maximum)
        return lists

    async def add_event(self, event_id: str, organization_id: str = ORGANIZATION) -> None:
        fields = EventFields(title="Jazz", timezone="Europe/Paris")
        await catalogue_changes.put_event(self.pool, organization_id, event_id, fields)

    async def add_list(
        self,
        key: ListKey,
        *,
        total: int = 100,
        available: int = 0,
        maximum: int = 6,
        event_id: str = "ev_1",
        start: datetime = START,
        organization_id: str = ORGANIZATION,
    ) -> Inventory:
        """Add a list, with its own offer and representation."""
        await catalogue_changes.put_representation(
            self.pool,
            self.engine,
            Caller(organization_id, "organizer:test"),
            key.representation_id,
            RepresentationFields(event_id=event_id, start_datetime=start, end_datetime=start + timedelta(hours=3)),
        )
        await self.put_offer(maximum, key, event_id=event_id, organization_id=organization_id)
        stock = InventoryFields(total_stock=total, available_stock=available)
        caller = Caller(organization_id, "organizer:test")
        answer, _ = await catalogue_changes.put_inventory(self.pool, self.engine, caller, key, stock)
        assert answer.inventory is not None
        return answer.inventory

    async def put_offer(
        self,
        maximum: int,
        key: ListKey | None = None,
        *,
        event_id: str = "ev_1",
        organization_id: str = ORGANIZATION,
    ) -> None:
        """Set how many tickets one order of an offer may have, by default of the list's."""
        fields = OfferFields(event_id=event_id, name="Floor", max_quantity_per_order=maximum)
        caller, offer_id = Caller(organization_id, "organizer:test"), (key or self.key).offer_id
        await catalogue_changes.put_offer(self.pool, self.engine.at(self.now), caller, offer_id, fields)

    async def reschedule(self, start: datetime) -> None:
        """Move the start of the show."""
        fields = RepresentationFields(
            event_id="ev_1", start_datetime=start, end_datetime=start + timedelta(hours=3)
        )
        engine = self.engine.at(self.now)
        await catalogue_changes.put_representation(
            self.pool, engine, ORGANIZER, self.key.representation_id, fields, end_lists=True
        )

    def later(self, **by: float) -> None:
        """Move the clock: later(hours=24)."""
        self.now += timedelta(**by)

    async def join(
        self,
        user_id: str,
        wanted: int = 1,
        minimum: int | None = None,
        *,
        keeps: bool = False,
        solved: bool = False,
        wish: UUID | None = None,
        **contact: Any,
    ) -> Entry:
        """Join with the given `email`, `name`, `locale` and `email_verified` as the contact, and with a `solved`
        challenge."""
        answer = await self.engine.at(self.now).run(
            self.key,
            USER,
            verbs.join,
            user_id=user_id,
            tickets_wanted=wanted,
            tickets_minimum=minimum,
            keep_waiting_for_rest=keeps,
            contact=Contact(**contact),
            proof=Proof(solved),
            wish_id=wish,
        )
        return _entry(answer)

    async def join_by_email(self, user_id: str, wanted: int, email: str, network: str, most: int) -> Entry | None:
        """Join by an unverified address alone, from a network that may have `most` such places."""
        answer = await self.engine.at(self.now).run(
            self.key,
            USER,
            verbs.join,
            user_id=user_id,
            tickets_wanted=wanted,
            contact=Contact(email=email),
            by_email=ByEmail(network, most),
        )
        return answer.entry

    async def correct_address(self, user_id: str, new_user: str, email: str) -> Entry:
        """Correct the address of the user's newest entry; another one makes it the new user's."""
        answer = await self.engine.at(self.now).run(
            self.key,
            USER,
            verbs.correct_address,
            user_id=user_id,
            number=await self._newest(user_id),
            new_user_id=new_user,
            contact=Contact(email=email),
        )
        return _entry(answer)

    async def set_contact(self, user_id: str, **contact: Any) -> Entry:
        given = Contact(**contact)
        return _entry(
            await self.engine.at(self.now).run(self.key, USER, verbs.set_contact, user_id=user_id, contact=given)
        )

    async def verify(self, user_id: str, number: int, email: str) -> Answer:
        return await self.engine.at(self.now).run(
            self.key, USER, verbs.verify, user_id=user_id, number=number, email=email
        )

    async def fail_address(self, user_id: str, email: str, why: str = "550 5.1.1 No such user") -> Answer:
        """Note that e-mails to this address of the user's newest entry fail."""
        failed = [await self._delivery(user_id, email, why)]
        return await self.engine.at(self.now).run(self.key, SERVICE, verbs.fail_address, failed=failed)

    async def mend_address(self, user_id: str, email: str) -> Answer:
        """Note that an e-mail to this address of the user's newest entry arrived."""
        arrived = [await self._delivery(user_id, email, None)]
        return await self.engine.at(self.now).run(self.key, SERVICE, verbs.mend_address, arrived=arrived)

    async def _delivery(self, user_id: str, email: str, why: str | None) -> verbs.AddressReport:
        return verbs.AddressReport(await self._newest(user_id), email, why)

    async def _newest(self, user_id: str) -> int:
        (newest,) = await self.rows(
            "SELECT coalesce(max(number), 0) FROM entries WHERE list_id = $1 AND user_id = $2",
            self.key.list_id,
            user_id,
        )
        return int(newest[0])

    async def change(
        self, user_id: str, wanted: int | None = None, minimum: int | None = None, *, keeps: bool | None = None
    ) -> Entry:
        return _entry(await self.make_change(user_id, wanted, minimum, keeps=keeps))

    async def make_change(
        self, user_id: str, wanted: int | None = None, minimum: int | None = None, *, keeps: bool | None = None
    ) -> Answer:
        """Change the wish as its fan, and return the whole answer, with its `undo`."""
        return await self.engine.at(self.now).run(
            self.key,
            USER,
            verbs.change,
            user_id=user_id,
            tickets_wanted=wanted,
            tickets_minimum=minimum,
            keep_waiting_for_rest=keeps,
        )

    async def undo(self, user_id: str, undo: str | None, number: int | None = None) -> Answer:
        """Undo the change of the wish that an answer named, as its fan."""
        return await self.engine.at(self.now).run(
            self.key, USER, verbs.undo, user_id=user_id, number=number, undo=undo or ""
        )

    async def pause(self, user_id: str) -> Entry:
        return _entry(await self.engine.at(self.now).run(self.key, USER, verbs.pause, user_id=user_id))

    async def unpause(self, user_id: str) -> Entry:
        return _entry(await self.engine.at(self.now).run(self.key, USER, verbs.unpause, user_id=user_id))

    async def offer_transfer(self, user_id: str, email: str, **more: Any) -> UUID:
        """Offer the user's place to an address; return the id of the offer."""
        offer = verbs.TransferOffer(uuid4(), email, "fr")
        await self.engine.at(self.now).run(
            self.key, USER, verbs.offer_transfer, user_id=user_id, offer=offer, **more
        )
        return offer.transfer_id

    async def take_transfer_back(self, user_id: str) -> Entry:
        return _entry(
            await self.engine.at(self.now).run(self.key, USER, verbs.take_transfer_back, user_id=user_id)
        )

    async def take_transfer(self, transfer_id: UUID, new_user: str, email: str) -> Entry:
        return _entry(
            await self.engine.at(self.now).run(
                self.key, USER, verbs.transfer, transfer_id=transfer_id, new_user_id=new_user, email=email
            )
        )

    async def transfer(self, user_id: str, new_user: str, email: str) -> Entry:
        """Offer the user's place to an address, whose user takes it at once."""
        return await self.take_transfer(await self.offer_transfer(user_id, email), new_user, email)

    async def leave(self, user_id: str) -> Entry:
        return _entry(await self.engine.at(self.now).run(self.key, USER, verbs.leave, user_id=user_id))

    async def remove(self, user_id: str) -> Answer:
        return await self.engine.at(self.now).run(self.key, ORGANIZER, verbs.remove, user_id=user_id)

    async def buy(self, user_id: str, quantity: int | None = None) -> Answer:
        return await self.engine.at(self.now).run(
            self.key, ORGANIZER, verbs.buy, user_id=user_id, quantity=quantity
        )

    async def give_back(self, user_id: str, quantity: int) -> Answer:
        return await self.engine.at(self.now).run(
            self.key, ORGANIZER, verbs.give_back, user_id=user_id, quantity=quantity
        )

    async def grant(self, user_id: str, tickets: int, *, add_stock: bool = False, **given: Any) -> Answer:
        return await self.engine.at(self.now).run(
            self.key, ORGANIZER, verbs.grant, user_id=user_id, tickets=tickets, add_stock=add_stock, **given
        )

    async def extend(self, user_id: str, **given: Any) -> Entry:
        return _entry(
            await self.engine.at(self.now).run(self.key, ORGANIZER, verbs.extend, user_id=user_id, **given)
        )

    async def extend_all(self, **given: Any) -> Answer:
        return await self.engine.at(self.now).run(self.key, ORGANIZER, verbs.extend_all, **given)

    async def checkout(self, user_id: str) -> Entry:
        return _entry(await self.engine.at(self.now).run(self.key, ORGANIZER, verbs.checkout, user_id=user_id))

    async def move(
        self, user_id: str, to: str | None = None, before: str | None = None, after: str | None = None
    ) -> Answer:
        return await self.engine.at(self.now).run(
            self.key, ORGANIZER, verbs.move, user_id=user_id, to=to, before=before, after=after
        )

    async def move_several(self, numbers: Sequence[int], to: str) -> Answer:
        return await self.engine.at(self.now).run(self.key, ORGANIZER, verbs.move_several, numbers=numbers, to=to)

    async def take_back(self, undo: str | None) -> Answer:
        return await self.engine.at(self.now).run(self.key, ORGANIZER, verbs.take_back, undo=undo or "")

    async def add_stock(self, quantity: int) -> Answer:
        return await self.engine.at(self.now).run(self.key, ORGANIZER, verbs.add_stock, quantity=quantity)

    async def remove_stock(self, quantity: int, *, revoke_holds: bool = False) -> Answer:
        return await self.engine.at(self.now).run(
            self.key, ORGANIZER, verbs.remove_stock, quantity=quantity, revoke_holds=revoke_holds
        )

    async def add_total_stock(self, quantity: int) -> Answer:
        return await self.engine.at(self.now).run(self.key, ORGANIZER, verbs.add_total_stock, quantity=quantity)

    async def remove_total_stock(self, quantity: int) -> Answer:
        return await self.engine.at(self.now).run(self.key, ORGANIZER, verbs.remove_total_stock, quantity=quantity)

    async def put_stock(self, total: int, available: int, *, is_open: bool | None = None) -> Answer:
        return await self.engine.at(self.now).run(
            self.key,
            ORGANIZER,
            verbs.put_stock,
            total_stock=total,
            available_stock=available,
            waiting_list_open=is_open,
        )

    async def configure(self, **settings: Any) -> Answer:
        return await self.engine.at(self.now).run(
            self.key, ORGANIZER, verbs.configure, settings=SettingsChange(**settings), end_lists=True
        )

    async def link(self, user_id: str, wish_id: UUID) -> Answer:
        return await self.engine.at(self.now).run(self.key, USER, verbs.link, user_id=user_id, wish_id=wish_id)

    async def unlink(self, user_id: str) -> Answer:
        return await self.engine.at(self.now).run(self.key, USER, verbs.unlink, user_id=user_id)

    async def heed(self) -> Answer:
        return await self.engine.at(self.now).run(self.key, SERVICE, verbs.heed)

    async def promote(self, tickets: int) -> Answer:
        return await self.engine.at(self.now).run(self.key, ORGANIZER, verbs.promote, tickets=tickets)

    async def draw(self, randomness: str) -> Answer:
        return await self.engine.at(self.now).run(self.key, ORGANIZER, verbs.draw, randomness=randomness)

    async def draw_by_clock(self, beacon: verbs.Beacon | None = None) -> Answer:
        run = self.engine.at(self.now).run
        return await run(self.key, SERVICE, verbs.draw_by_clock, beacon=beacon, root_of=root_at)

    async def expire(self, at_most: int = 500) -> Answer:
        return await self.engine.at(self.now).run(self.key, SERVICE, verbs.expire, at_most=at_most)

    async def end(self, at_most: int = 500, grace: timedelta = timedelta(0)) -> Answer:
        return await self.engine.at(self.now).run(self.key, SERVICE, verbs.end, at_most=at_most, grace=grace)

    async def idle(self) -> Answer:
        return await self.engine.at(self.now).run(self.key, SERVICE, verbs.idle)

    async def resume(self) -> Answer:
        return await self.engine.at(self.now).run(self.key, SERVICE, verbs.resume)

    async def erase(self, user_id: str) -> Answer:
        return await self.engine.at(self.now).run(self.key, ORGANIZER, verbs.erase, user_id=user_id)

    async def entry(self, user_id: str) -> Entry:
        """Return the user's newest entry, as the user sees it."""
        return await CoalescedReads(self.pool, Settings()).entry(self.key, user_id, organization_id=ORGANIZATION)

    async def status(self, user_id: str) -> Status:
        return (await self.entry(user_id)).status

    async def inventory(self) -> Inventory:
        return await list_queries.inventory(self.pool, self.key, organization_id=ORGANIZATION)

    async def history(self) -> list[tuple[str, int | None]]:
        """Return the verb and the number of the entry, for every change so far."""
        page = await history_queries.history(
            self.pool, self.key, organization_id=ORGANIZATION, verb=None, limit=500, cursor=None
        )
        return [(change.verb, change.number) for change in page.items]

    async def line(self) -> list[str | None]:
        """Return the waiting users in order, checked against their positions and tickets ahead."""
        only = entry_queries.EntryFilter(status=["waiting"], offer_id=[self.key.offer_id])
        page = await entry_queries.entries(self.pool, ORGANIZATION, only, limit=500, cursor=None)
        ahead = 0
        for place, entry in enumerate(page.items, start=1):
            assert (entry.position, entry.tickets_ahead) == (place, ahead)
            ahead += entry.tickets_wanted
        return [entry.user_id for entry in page.items]

    @asynccontextmanager
    async def refused(self, kind: type[Problem]) -> AsyncIterator[list[Problem]]:
        """Expect exactly this problem in the block, and no change in any table."""
        before, caught = await self.tables(), []
        try:
            yield caught
        except Problem as problem:
            caught.append(problem)
        assert [type(problem) for problem in caught] == [kind]
        assert await self.tables() == before

    async def rows(self, statement: str, *arguments: Any) -> list[Any]:
        """Return the rows of a statement of the test."""
        async with connection(self.pool) as acquired:
            return list(await acquired.fetch(statement, *arguments))

    async def audit(self) -> None:
        """Check that the replay of the whole history gives exactly the tables."""
        async for report in audit_lists(self.pool):
            assert report.finding is None, report.finding

    async def tables(self) -> dict[str, list[str]]:
        """Return every row of every table, so that a test can show that a refused request changed no data."""
        async with connection(self.pool) as acquired:
            return {
                table: [
                    record["row"]
                    for record in await acquired.fetch(f"SELECT t::text AS row FROM {table} t ORDER BY 1")
                ]
                for table in TABLES
            }


def _entry(answer: Answer) -> Entry:
    assert answer.entry is not None
    return answer.entry
