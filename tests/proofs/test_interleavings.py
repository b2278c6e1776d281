"""Every pair of verbs on two connections, in every order of their steps (as PostgreSQL's isolation tests).

A verb's transaction has three steps: it asks for the list's lock, writes, commits. Of the twenty orders of two
such transactions the lock leaves three for each ordered pair: the second asks before the first has written,
after it has written, or after it has committed. (In all others one of the steps is blocked, and happens when
the lock lets it.) Whatever the order, answers and tables must be those of the first and then the second.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from tests.support.lists import LIST, ORGANIZATION, ORGANIZER, T0, USER, Lists
from waiting_list.lists import entry_contacts, verbs
from waiting_list.lists.contact import Contact
from waiting_list.lists.engine import SERVICE, Caller, Engine
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import ListKey, Status
from waiting_list.lists.settings_models import SettingsChange
from waiting_list.lists.unverified_places import ByEmail
from waiting_list.lists.verbs.draw import FALLBACK_AFTER
from waiting_list.lists.verbs.message import Message
from waiting_list.postgres.pool import Pool, connect_pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import Problem
from waiting_list.settings import Settings

NOW = T0 + timedelta(hours=24)
"""When ada's hold of two tickets has just lapsed; bob's lasts an hour longer."""


class Forgetful(set[str]):
    """Mailboxes that no run of the same request leaves to the next one."""

    def add(self, element: str) -> None:
        """Forget it."""

    def update(self, *elements: Iterable[str]) -> None:
        """Forget them."""


async def nobody_is_silent(*_: object) -> list[str]:
    """Nobody has unsubscribed."""
    return []


async def equal_root(*_: object) -> bytes:
    """Return the same for each copy of a list: the real root has the list's name in it."""
    return bytes(32)


MESSAGE = Message(UUID(int=7), (Status.WAITING, Status.READY), {"en": "News"}, {"en": "Doors open early."}, None)
WISHING = ("cleo", "gil")
TABLES = ("inventory", "entries", "contacts", "segments", "history", "transfers")


@dataclass(frozen=True)
class ApiRequest:
    verb: Callable[..., Any]
    caller: Caller
    arguments: dict[str, Any] = field(default_factory=dict)


CALLS = {
    "join": ApiRequest(verbs.join, USER, {"user_id": "zoe", "tickets_wanted": 1}),
    "join_other": ApiRequest(verbs.join, USER, {"user_id": "yan", "tickets_wanted": 2, "tickets_minimum": 1}),
    "join_again": ApiRequest(verbs.join, USER, {"user_id": "fay", "tickets_wanted": 1}),
    "join_by_email": ApiRequest(
        verbs.join,
        USER,
        {
            "user_id": "zed",
            "tickets_wanted": 1,
            "contact": Contact(email="zed@example.org"),
            "by_email": ByEmail("192.0.2.0/24", 1),
        },
    ),
    "join_by_email_too": ApiRequest(
        verbs.join,
        USER,
        {
            "user_id": "yve",
            "tickets_wanted": 1,
            "contact": Contact(email="yve@example.org"),
            "by_email": ByEmail("192.0.2.0/24", 1),
        },
    ),
    "correct_address": ApiRequest(
        verbs.correct_address,
        USER,
        {"user_id": "gil", "number": 6, "new_user_id": "gila", "contact": Contact(email="gila@example.org")},
    ),
    "change": ApiRequest(verbs.change, USER, {"user_id": "cleo", "tickets_wanted": 1}),
    "undo": ApiRequest(verbs.undo, USER, {"user_id": "cleo", "undo": "18-18"}),
    "give_up_rest": ApiRequest(verbs.change, USER, {"user_id": "bob", "keep_waiting_for_rest": False}),
    "pause": ApiRequest(verbs.pause, USER, {"user_id": "cleo"}),
    "unpause": ApiRequest(verbs.unpause, USER, {"user_id": "gil"}),
    "leave": ApiRequest(verbs.leave, USER, {"user_id": "cleo"}),
    "set_contact": ApiRequest(
        verbs.set_contact, USER, {"user_id": "dan", "contact": Contact(email="new@example.org")}
    ),
    "verify": ApiRequest(verbs.verify, USER, {"user_id": "dan", "number": 4, "email": "dan@example.org"}),
    "transfer": ApiRequest(
        verbs.transfer,
        USER,
        {"transfer_id": UUID(int=9), "new_user_id": "wim", "email": "wim@example.org"},
    ),
    "fail_address": ApiRequest(
        verbs.fail_address, SERVICE, {"failed": [verbs.AddressReport(4, "dan@example.org", "550 5.1.1 Unknown")]}
    ),
    "mend_address": ApiRequest(
        verbs.mend_address, SERVICE, {"arrived": [verbs.AddressReport(4, "dan@example.org")]}
    ),
    "buy": ApiRequest(verbs.buy, ORGANIZER, {"user_id": "bob"}),
    "buy_one": ApiRequest(verbs.buy, ORGANIZER, {"user_id": "bob", "quantity": 1}),
    "give_back": ApiRequest(verbs.give_back, USER, {"user_id": "bob", "quantity": 1}),
    "give_back_all": ApiRequest(verbs.give_back, USER, {"user_id": "bob", "quantity": 2}),
    "grant": ApiRequest(verbs.grant, ORGANIZER, {"user_id": "dan", "tickets": 1}),
    "grant_more": ApiRequest(verbs.grant, ORGANIZER, {"user_id": "eve", "tickets": 2, "add_stock": True}),
    "extend": ApiRequest(verbs.extend, ORGANIZER, {"user_id": "bob", "minutes": 30}),
    "extend_all": ApiRequest(verbs.extend_all, ORGANIZER, {"minutes": 30}),
    "checkout": ApiRequest(verbs.checkout, ORGANIZER, {"user_id": "bob"}),
    "move": ApiRequest(verbs.move, ORGANIZER, {"user_id": "dan", "to": "first", "before": None}),
    "move_several": ApiRequest(verbs.move_several, ORGANIZER, {"numbers": [4], "to": "first"}),
    "remove": ApiRequest(verbs.remove, ORGANIZER, {"user_id": "bob"}),
    "erase": ApiRequest(verbs.erase, ORGANIZER, {"user_id": "dan"}),
    "message": ApiRequest(
        verbs.message,
        ORGANIZER,
        {"content": MESSAGE, "most": 1, "silent": nobody_is_silent, "written_to": Forgetful()},
    ),
    "declare_restore": ApiRequest(
        verbs.declare_restore, SERVICE, {"why": "a disk", "lost_size": 20, "lost_root": None}
    ),
    "expire": ApiRequest(verbs.expire, SERVICE, {"at_most": 500}),
    "end": ApiRequest(verbs.end, SERVICE, {"at_most": 500}),
    "end_later": ApiRequest(verbs.end, SERVICE, {"grace": timedelta(minutes=15)}),
    "resume": ApiRequest(verbs.resume, SERVICE),
    "idle": ApiRequest(verbs.idle, SERVICE),
    "catch_up": ApiRequest(verbs.catch_up, SERVICE),
    "settle": ApiRequest(verbs.reconsider, SERVICE),
    "promote": ApiRequest(verbs.promote, ORGANIZER, {"tickets": 1}),
    "add_stock": ApiRequest(verbs.add_stock, ORGANIZER, {"quantity": 3}),
    "remove_stock": ApiRequest(verbs.remove_stock, ORGANIZER, {"quantity": 1}),
    "revoke": ApiRequest(verbs.remove_stock, ORGANIZER, {"quantity": 2, "revoke_holds": True}),
    "add_total_stock": ApiRequest(verbs.add_total_stock, ORGANIZER, {"quantity": 3}),
    "remove_total_stock": ApiRequest(verbs.remove_total_stock, ORGANIZER, {"quantity": 1}),
    "put_stock": ApiRequest(verbs.put_stock, ORGANIZER, {"total_stock": 10, "available_stock": 9}),
    # The version is that of the last of the returned tickets (Stage.set_up).
    "put_known": ApiRequest(
        verbs.put_stock, ORGANIZER, {"total_stock": 10, "available_stock": 9, "versions": {13}}
    ),
    "configure": ApiRequest(
        verbs.configure, ORGANIZER, {"settings": SettingsChange(closes_at=NOW), "end_lists": True}
    ),
    # Each copy of the list has wishes of its own (Stage.copy): `answer` says which.
    "link": ApiRequest(verbs.link, USER, {"user_id": "cleo", "wish_id": None}),
    "unlink": ApiRequest(verbs.unlink, USER, {"user_id": "gil"}),
}

ALL = CALLS | {
    "draw": ApiRequest(verbs.draw, ORGANIZER, {"randomness": "3 17 21"}),
    "draw_by_clock": ApiRequest(verbs.draw_by_clock, SERVICE, {"root_of": equal_root}),
}
"""With those that a list by arrival refuses, or that do nothing there."""


def wish_of(key: ListKey, user_id: str) -> UUID:
    """Return the id of the wish that a user has over this copy of the list."""
    return uuid5(key.list_id, user_id)


_ENDED = "waiting_list_ended"
_ONE_IS_FREE_NO_MORE = dict.fromkeys(("promote", "remove_stock", "remove_total_stock", "grant"), "stock_held")
_CLEO_IS_READY = dict.fromkeys(("change", "pause", "undo", "link"), "not_waiting")
_NO_UNDO = {"undo": "invalid_request"}
_OF_A_HOLD = ("buy", "buy_one", "give_back", "give_back_all", "extend", "checkout")
_BOB_HAS_LEFT = dict.fromkeys((*_OF_A_HOLD, "remove", "give_up_rest"), "already_left")
PROMISED: dict[str, dict[str, str]] = {
    "join": {"join": "already_in_list"},
    "join_other": {"join_other": "already_in_list"},
    "join_again": {"join_again": "already_in_list"},
    "join_by_email": {"join_by_email": "already_in_list"},
    "join_by_email_too": {"join_by_email_too": "already_in_list"},
    "correct_address": dict.fromkeys(("correct_address", "unpause", "unlink"), "not_in_list"),
    "change": _CLEO_IS_READY | _ONE_IS_FREE_NO_MORE,
    "undo": _NO_UNDO,
    "leave": dict.fromkeys(("change", "pause", "leave", "undo", "link"), "already_left"),
    "unpause": {"unpause": "not_waiting"} | _ONE_IS_FREE_NO_MORE | _NO_UNDO,
    "buy": _BOB_HAS_LEFT,
    "buy_one": _BOB_HAS_LEFT,
    "move": _NO_UNDO,
    "move_several": _NO_UNDO,
    "grant": {"move": "not_waiting"} | _ONE_IS_FREE_NO_MORE | _NO_UNDO,
    "grant_more": _ONE_IS_FREE_NO_MORE | _NO_UNDO,
    "checkout": {"checkout": "checkout_used"},
    "give_back": {"give_back_all": "wrong_quantity"},
    "give_back_all": _BOB_HAS_LEFT,
    "remove": _BOB_HAS_LEFT,
    "erase": dict.fromkeys(("move", "set_contact", "verify"), "not_in_list") | {"transfer": "not_found"},
    "transfer": dict.fromkeys(("move", "set_contact", "verify"), "not_in_list") | {"transfer": "not_found"},
    "set_contact": {"verify": "invalid_request"},
    "add_stock": _CLEO_IS_READY | {"add_stock": "exceeds_total_stock"} | _ONE_IS_FREE_NO_MORE,
    "remove_stock": _ONE_IS_FREE_NO_MORE,
    "revoke": dict.fromkeys(_OF_A_HOLD, "not_ready"),
    "add_total_stock": _CLEO_IS_READY | _ONE_IS_FREE_NO_MORE,
    "remove_total_stock": _ONE_IS_FREE_NO_MORE,
    "put_stock": _CLEO_IS_READY | {"add_stock": "exceeds_total_stock"},
    "configure": dict.fromkeys(
        (
            "join",
            "join_other",
            "join_again",
            "join_by_email",
            "join_by_email_too",
            "change",
            "pause",
            "unpause",
            "undo",
            "transfer",
            "link",
            "give_up_rest",
            "promote",
            "grant",
            "grant_more",
            *_OF_A_HOLD,
        ),
        _ENDED,
    ),
}
_WITH_THE_STOCK = (
    *(
        "change",
        "unpause",
        "buy",
        "buy_one",
        "give_back",
        "give_back_all",
        "remove",
        "expire",
        "revoke",
        "grant",
        "grant_more",
    ),
    *("add_stock", "remove_stock", "add_total_stock", "remove_total_stock", "put_stock", "put_known"),
)
"""The calls that change the stock, and so its version."""
PROMISED["put_known"] = PROMISED["put_stock"]
PROMISED |= {call: PROMISED.get(call, {}) | {"put_known": "stale_version"} for call in _WITH_THE_STOCK}
"""Which calls (inner) are refused after which other (outer), and how. Alone, each of them succeeds; where a
pair is not named both do."""


@pytest.fixture(autouse=True)
def equal_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """First versions of links are random; here, equal stories give equal rows."""
    monkeypatch.setattr(entry_contacts, "first_link_version", lambda: 7)


def anonymous(text: str, key: ListKey) -> str:
    """Return the text without the names of this copy of the list and of its wishes."""
    for user in WISHING:
        text = text.replace(str(wish_of(key, user)), f"the wish of {user}")
    return text.replace(str(key.list_id), "this list").replace(key.offer_id, "")


class Stage:
    """One list, as often as a test needs it: ada and bob are ready (2 tickets each), cleo (4) waits before
    dan (2), who offers the place to wim, fay has left; one ticket of eight is free. gil (1) stands first, and has
    paused. cleo and gil have a wish each over this list and
    another; gil's place is part of it. cleo has just changed how many tickets are wanted."""

    def __init__(self, lists: Lists, other: Pool) -> None:
        self.lists = lists
        self.engines = (lists.engine, Engine(other, Settings()))
        self.other = other
        self.names = itertools.count(1)
        self.tables: tuple[str, ...] = TABLES

    @classmethod
    @asynccontextmanager
    async def set_up(cls, pool: Pool, dsn: str, *, rest: int = 0) -> AsyncIterator["Stage"]:
        """With a `rest`, bob keeps waiting for so many more, and has the ticket that would be free."""
        lists = await Lists.make(pool, total=8)
        await lists.configure(transfer=True)
        for user, wanted in (("ada", 2), ("bob", 2 + rest), ("cleo", 4), ("dan", 2), ("fay", 1)):
            minimum = 2 if user == "bob" else None
            await lists.join(user, wanted, minimum, keeps=user == "bob", email=f"{user}@example.org")
        await lists.leave("fay")
        to_wim = (
            UUID(int=9),
            ORGANIZATION,
            "wim@example.org",
            "wim@example.org",
            "fr",
            T0,
            T0 + timedelta(days=2),
        )
        await lists.rows(sql("upsert_transfer"), lists.key.list_id, 4, *to_wim)
        await lists.add_stock(2)
        lists.later(hours=1)
        await lists.add_stock(2)
        await lists.add_stock(1)
        if not rest:
            await lists.join("gil", 1, email="gil@example.org")
            await cls(lists, pool).make_wishes(lists.key)
            await lists.link("gil", wish_of(lists.key, "gil"))
            await lists.pause("gil")
            await lists.move("gil", to="first")
            lists.now = NOW - timedelta(seconds=30)
            assert (await lists.make_change("cleo", keeps=True)).undo == CALLS["undo"].arguments["undo"]
        other = await connect_pool(Settings(), dsn)
        try:
            yield cls(lists, other)
        finally:
            await other.close()

    @classmethod
    @asynccontextmanager
    async def set_up_draw(cls, pool: Pool, dsn: str) -> AsyncIterator["Stage"]:
        """Make a list whose lots nobody has drawn for a day: cleo, dan and eve wait, bob was granted 2 tickets;
        2 of 8 are free."""
        lists = await Lists.make(pool, total=8)
        draw_at = NOW - FALLBACK_AFTER
        lists.now = draw_at - timedelta(hours=1)
        await lists.configure(order="draw", draw_at=draw_at, draw_source="numbers")
        for user, wanted in (("bob", 2), ("cleo", 4), ("dan", 2), ("eve", 2)):
            await lists.join(user, wanted, 1)
        await lists.add_stock(4)
        await lists.grant("bob", 2)
        other = await connect_pool(Settings(), dsn)
        stage = cls(lists, other)
        stage.tables = (*TABLES, "draws")
        try:
            yield stage
        finally:
            await other.close()

    async def make_wishes(self, key: ListKey) -> None:
        """Make a wish of cleo, and one of gil, over this copy of the list and one more."""
        for user in WISHING:
            over = [key.list_id, UUID(int=5)]
            wish = (wish_of(key, user), ORGANIZATION, user, "withdraw_when_bought", over)
            await self.lists.rows(sql("insert_wish"), *wish, T0)

    async def copy(self) -> ListKey:
        """Another list, row by row the same, with wishes of its own."""
        key = ListKey(f"copy_{next(self.names)}", LIST.representation_id)
        await self.make_wishes(key)
        # All columns; and the fields of the history name the wish, too.
        renamed = "replace(to_jsonb(t)::text, $3, $4)::jsonb || $2"
        copied = f"INSERT INTO {{0}} SELECT (jsonb_populate_record(t, {renamed})).* FROM {{0}} t WHERE {{1}} = $1"
        wishes = [str(wish_of(one, "gil")) for one in (LIST, key)]
        async with connection(self.lists.pool) as acquired:
            offer = f'{{"offer_id": "{key.offer_id}"}}'
            # The leaves of the ledger are those of the other list.
            both = f'{{"offer_id": "{key.offer_id}", "list_id": "{key.list_id}", "leaf": null}}'
            await acquired.execute(copied.format("offers", "offer_id"), LIST.offer_id, offer, *wishes)
            for table in self.tables:
                await acquired.execute(copied.format(table, "list_id"), LIST.list_id, both, *wishes)
        return key

    async def rows(self, key: ListKey) -> dict[str, list[str]]:
        """Every row of the list's tables and wishes that others can see, whatever the list's name."""
        found = {}
        async with connection(self.lists.pool) as acquired:
            for table in (*self.tables, "wishes"):
                named = "'list_id' - 'offer_id' - 'joined_from' - 'leaf' - 'reason_salt' - 'reason_hash' - 'lists'"
                shown = f"SELECT (to_jsonb(t) - {named})::text AS row FROM {table} t"
                of_list = "$1 = ANY (lists)" if table == "wishes" else "list_id = $1"
                records = await acquired.fetch(f"{shown} WHERE {of_list}", key.list_id)
                found[table] = sorted(anonymous(record["row"], key) for record in records)
        return found

    async def wait_until_blocked(self) -> None:
        """Returns once the second connection waits for a lock."""
        async with asyncio.timeout(10), connection(self.lists.pool) as acquired:
            while not await acquired.fetchval(
                "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                " WHERE NOT l.granted AND a.datname = current_database())"
            ):
                await asyncio.sleep(0)


class Steps:
    """A call whose transaction stops before it writes and before it commits."""

    def __init__(self, stage: Stage, connection_: int, key: ListKey, name: str) -> None:
        self.engine, self.key, self.call = stage.engines[connection_], key, ALL[name]
        self.locked, self.written = asyncio.Event(), asyncio.Event()
        self.may_write, self.may_commit = asyncio.Event(), asyncio.Event()

    def run_through(self) -> "Steps":
        self.may_write.set()
        self.may_commit.set()
        return self

    async def write(self) -> None:
        self.may_write.set()
        await asyncio.wait_for(self.written.wait(), 10)

    async def answer(self) -> tuple[str, str]:
        """The code of its problem, or "done"; and all that the answer says."""

        async def stepped(locked: LockedList, **arguments: Any) -> Any:
            self.locked.set()
            await self.may_write.wait()
            try:
                result = await self.call.verb(locked, **arguments)
                await verbs.settle(locked)
                await locked.flush()
                return result
            finally:
                self.written.set()
                await self.may_commit.wait()

        try:
            arguments = dict(self.call.arguments)
            if "wish_id" in arguments:
                arguments["wish_id"] = wish_of(self.key, arguments["user_id"])
            answer = await self.engine.at(NOW).run(self.key, self.call.caller, stepped, **arguments)
        except Problem as problem:
            return problem.code, str(problem)
        return "done", anonymous(answer.model_dump_json(), self.key)


async def in_turn(stage: Stage, first: str, second: str) -> tuple[Sequence[tuple[str, str]], dict[str, list[str]]]:
    """Both calls, the second begun after the first was answered."""
    key = await stage.copy()
    answers = [await Steps(stage, n, key, name).run_through().answer() for n, name in enumerate((first, second))]
    return answers, await stage.rows(key)


async def interleaved(
    stage: Stage, first: str, second: str, *, asks: str
) -> tuple[Sequence[tuple[str, str]], dict[str, list[str]]]:
    """Both calls, the second begun before the first has written or before it has committed."""
    key = await stage.copy()
    before = await stage.rows(key)
    one, two = Steps(stage, 0, key, first), Steps(stage, 1, key, second).run_through()
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        answers = [tasks.create_task(one.answer())]
        await one.locked.wait()
        if asks == "before the write":
            answers.append(tasks.create_task(two.answer()))
            await stage.wait_until_blocked()
        await one.write()
        if asks == "before the commit":
            answers.append(tasks.create_task(two.answer()))
            await stage.wait_until_blocked()
        assert not two.locked.is_set()
        assert await stage.rows(key) == before, "others see a transaction that has not committed"
        one.may_commit.set()
    return [task.result() for task in answers], await stage.rows(key)


@pytest.mark.parametrize("first", CALLS)
async def test_whatever_the_order_of_their_steps_two_verbs_do_as_one_after_the_other(
    pool: Pool, dsn: str, first: str
) -> None:
    async with Stage.set_up(pool, dsn) as stage:
        codes = {}
        for second in CALLS:
            answers, rows = await in_turn(stage, first, second)
            for asks in ("before the write", "before the commit"):
                assert await interleaved(stage, first, second, asks=asks) == (answers, rows), (second, asks)
            codes[second] = answers[1][0]
        await stage.lists.audit()
        assert {second: code for second, code in codes.items() if code != "done"} == PROMISED.get(first, {})


_WITH_A_REST = (
    *("buy", "buy_one", "give_back", "give_up_rest", "change", "leave", "remove", "grant_more", "move", "expire"),
    *("add_stock", "revoke", "put_stock"),
)


@pytest.mark.parametrize("first", _WITH_A_REST)
async def test_two_verbs_around_a_rest_do_as_one_after_the_other(pool: Pool, dsn: str, first: str) -> None:
    async with Stage.set_up(pool, dsn, rest=2) as stage:
        held = await stage.lists.entry("bob")
        assert (held.tickets_held, held.position, held.keep_waiting_for_rest) == (3, 1, True)
        for second in _WITH_A_REST:
            answers, rows = await in_turn(stage, first, second)
            for asks in ("before the write", "before the commit"):
                assert await interleaved(stage, first, second, asks=asks) == (answers, rows), (second, asks)
        await stage.lists.audit()


_AROUND_A_DRAW = ("draw", "draw_by_clock", "join", "leave", "change", "grant", "add_stock")


@pytest.mark.parametrize("first", _AROUND_A_DRAW)
async def test_two_verbs_around_a_draw_do_as_one_after_the_other(pool: Pool, dsn: str, first: str) -> None:
    async with Stage.set_up_draw(pool, dsn) as stage:
        codes, draws = {}, ("draw", "draw_by_clock")
        for second in _AROUND_A_DRAW if first in draws else draws:
            answers, rows = await in_turn(stage, first, second)
            for asks in ("before the write", "before the commit"):
                assert await interleaved(stage, first, second, asks=asks) == (answers, rows), (second, asks)
            codes[second] = answers[1][0]
            assert sum('"verb": "draw"' in row for row in rows["history"]) == 1
        await stage.lists.audit()
        # The service's own value is another; and nothing but a draw makes a draw fail.
        assert codes["draw"] == ("cannot_draw" if first == "draw_by_clock" else "done")
        assert codes["draw_by_clock"] == "done"
