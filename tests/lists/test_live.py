"""Live entries: every watcher gets the exact entry within a second of a change, also in streams over real HTTP."""

import asyncio
import gc
import json
import random
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.support.lists import ORGANIZATION, START, Lists
from tests.support.shop import LIST, Shop, listening, problem
from tests.support.until import until
from waiting_list.lists.models import Entry, ListKey, Status
from waiting_list.lists.queries import coalesced, live
from waiting_list.lists.queries.coalesced import CoalescedReads
from waiting_list.lists.queries.live import Live, Watcher
from waiting_list.problems import Problem
from waiting_list.settings import Settings
from waiting_list.web import server_sent_events
from waiting_list.web.server_sent_events import EntryStream

PATH = f"/v1/user/waiting-lists/{LIST}/entry/live"
SOON = 10
"""Seconds that a test waits for what should take one."""


class Stream:
    """What comes out of a stream: comments as None, events as (id, entry)."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def next(self) -> tuple[str, dict[str, Any]] | None:
        name = data = None
        async with asyncio.timeout(SOON):
            async for line in self._lines:
                match line.partition(": "):
                    case ("id", _, name):
                        pass
                    case ("data", _, data):
                        pass
                    case ("", "", "") if name and data:
                        return name, json.loads(data)
                    case (":", "", ""):
                        return None
        raise EOFError


@asynccontextmanager
async def stream(url: str, token: str, **headers: str) -> AsyncIterator[Stream]:
    sent = {"Authorization": f"Bearer {token}"} | headers
    async with (
        httpx.AsyncClient(base_url=url, timeout=SOON) as client,
        client.stream("GET", PATH, headers=sent) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "private, no-store"
        yield Stream(answer)


async def test_a_stream_tells_every_change_of_the_entry(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada", 2)
    await shop.join("bob", 1)
    async with listening(app) as url, stream(url, await shop.token("bob")) as told:
        event = await told.next()
        assert event
        assert event[1].items() <= (await shop.entry("bob")).items()
        await shop.join("cleo")
        await shop.user("ada", "DELETE")
        event = await told.next()
        assert event
        assert (event[1]["status"], event[1]["position"], event[1]["tickets_ahead"]) == ("waiting", 1, 0)
        await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 1})
        event = await told.next()
        assert event
        assert (event[1]["status"], event[1]["position"], event[1]["tickets_held"]) == ("ready", None, 1)
        assert event[1].items() <= (await shop.user("bob", "GET")).json().items()
        await shop.made("POST", f"/waiting-lists/{LIST}/entries/bob/purchase", {})
        event = await told.next()
        assert event
        assert (event[1]["status"], event[1]["left_reason"]) == ("left", "bought")
        await shop.join("bob", 3)
        event = await told.next()
        assert event
        assert (event[1]["number"], event[1]["position"]) == (4, 2)


async def test_who_reconnects_is_told_only_what_is_new(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    token = await shop.token("ada")
    async with listening(app) as url:
        async with stream(url, token) as told:
            first = await told.next()
        assert first
        async with stream(url, token, **{"Last-Event-ID": first[0]}) as told:
            assert await told.next() is None
            await shop.user("ada", "PATCH", body={"tickets_wanted": 2})
            second = await told.next()
        assert second
        assert second[0] != first[0]
        assert second[1]["tickets_wanted"] == 2
        async with stream(url, token, **{"Last-Event-ID": first[0]}) as told:
            assert await told.next() == second


async def test_a_quiet_stream_shows_signs_of_life(
    app: FastAPI, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server_sent_events.COMMENT_SECONDS == 15
    monkeypatch.setattr(server_sent_events, "COMMENT_SECONDS", 0)
    await shop.stock()
    await shop.join("ada")
    async with listening(app) as url, stream(url, await shop.token("ada")) as told:
        assert await told.next() is not None
        streams = app.state.service.streams
        for _ in range(3):
            await streams.look()
            assert await told.next() is None
        monkeypatch.undo()
        await streams.look()  # the comment of this look comes before the event
        await shop.user("ada", "DELETE")
        while not (event := await told.next()):
            pass
        assert event[1]["status"] == "left"


async def test_streams_end_when_the_service_does(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    async with listening(app) as url, stream(url, await shop.token("ada")) as told:
        await told.next()
        app.state.service.live.close()
        with pytest.raises(EOFError):
            await told.next()
        assert told.answer.is_stream_consumed


async def test_who_goes_is_watched_no_more(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    async with listening(app) as url:
        async with stream(url, await shop.token("ada")) as told:
            await told.next()
            assert len(app.state.service.live._watchers) == 1
        async with asyncio.timeout(SOON):
            while app.state.service.live._watchers:
                await asyncio.sleep(0.01)


async def test_a_stream_is_refused_as_a_poll_is(shop: Shop) -> None:
    await shop.stock()
    problem(await shop.http.get(PATH), 401, "unauthenticated")
    problem(await shop.user("ada", "GET", f"/waiting-lists/{LIST}/entry/live"), 404, "not_in_list")
    problem(await shop.user("ada", "GET", "/waiting-lists/x/y/entry/live"), 404, "inventory_not_found")
    answer = await shop.http.get(PATH, headers={"Authorization": f"Bearer {shop.key}"})
    problem(answer, 403, "forbidden")


class Watching:
    """Watchers of a list without HTTP, and the newest entry that each has."""

    def __init__(self, lists: Lists) -> None:
        self.lists = lists
        self.live = Live(lists.pool, CoalescedReads(lists.pool, Settings()))

    async def watch(self, user_id: str, key: ListKey | None = None) -> Watcher:
        return await self.live.watch(key or self.lists.key, user_id, organization_id=ORGANIZATION)


async def test_a_join_behind_asks_for_nobody_again(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    watching = Watching(lists)
    reads: list[int] = []
    read = CoalescedReads.entries

    async def counted(self: CoalescedReads, key: ListKey, user_ids: Any) -> Any:
        reads.append(len(user_ids))
        return await read(self, key, user_ids)

    monkeypatch.setattr(CoalescedReads, "entries", counted)
    for n in range(20):
        await lists.join(f"u{n}")
        await watching.watch(f"u{n}")
    await watching.live.look()
    assert reads == [20]
    await watching.live.look()
    await lists.join("late")
    await watching.live.look()
    assert reads == [20]
    await lists.leave("u19")
    await watching.live.look()
    assert reads == [20, 20]


async def test_one_query_a_look_for_any_number_of_lists(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    watching = Watching(lists)
    for n in range(30):
        key = ListKey(f"off_w{n}", f"rep_w{n}")
        await lists.add_list(key)
        lists.key = key
        await lists.join("ada")
        await watching.watch("ada", key)
    await watching.live.look()
    statements: list[str] = []
    real = live.connection

    @asynccontextmanager
    async def logged(pool: Any) -> AsyncIterator[Any]:
        async with real(pool) as acquired:
            with acquired.query_logger(lambda record: statements.append(record.query)):
                yield acquired

    for module in (live, coalesced):
        monkeypatch.setattr(module, "connection", logged)
    await watching.live.look()
    assert len(statements) == 1


async def test_a_show_that_is_brought_forward_is_told(lists: Lists) -> None:
    await lists.configure(hold_minutes=None)
    await lists.join("ada")
    await lists.add_stock(1)
    watching = Watching(lists)
    ada = await watching.watch("ada")
    seen = ada.take()
    assert seen
    assert seen.ready_until == START
    await watching.live.look()
    assert ada.take() is None
    await lists.reschedule(START - timedelta(days=1))
    await watching.live.look()
    news = ada.take()
    assert news
    assert news.ready_until == START - timedelta(days=1)


async def test_who_is_erased_is_told_no_more(lists: Lists) -> None:
    await lists.join("ada")
    watching = Watching(lists)
    ada = await watching.watch("ada")
    ada.take()
    await lists.erase("ada")
    await watching.live.look()
    assert ada.closed
    assert ada.take() is None


@asynccontextmanager
async def slow_reader(app: FastAPI, url: str, token: str) -> AsyncIterator[tuple[socket.socket, Watcher]]:
    """Open a stream whose reader has more to read than the system keeps for it."""
    live: Live = app.state.service.live
    known = {watcher for watchers in live._watchers.values() for watcher in watchers}
    host, _, port = url.removeprefix("http://").partition(":")
    loop = asyncio.get_running_loop()
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.setblocking(False)
        await loop.sock_connect(slow, (host, int(port)))
        request = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
        await loop.sock_sendall(slow, request.encode())

        def opened() -> list[Watcher]:
            now = {watcher for watchers in live._watchers.values() for watcher in watchers}
            return [watcher for watcher in now - known if watcher.reader]

        async def is_open() -> bool:
            return bool(opened())

        await until(is_open)
        (watcher,) = opened()
        assert isinstance(watcher.reader, EntryStream)
        watcher.reader._write(b":" + b"x" * 16_000_000 + b"\n\n")
        assert watcher.reader in app.state.service.streams.unread
        yield slow, watcher


async def test_a_reader_that_takes_nothing_is_dropped_and_holds_up_nobody(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    await shop.join("bob")
    streams = app.state.service.streams
    async with (
        listening(app) as url,
        slow_reader(app, url, await shop.token("ada")) as (_, ada),
        stream(url, await shop.token("bob")) as told,
    ):
        await told.next()
        for _ in range(int(server_sent_events.SLOW_SECONDS)):
            await streams.look()
        assert ada in app.state.service.live._watchers[ada.key]
        await shop.user("ada", "DELETE")
        event = await told.next()
        assert event
        assert event[1]["position"] == 1
        for _ in range(2):
            await streams.look()

        async def is_dropped() -> bool:
            return ada not in app.state.service.live._watchers[ada.key]

        await until(is_dropped)
        assert not streams.unread


async def test_a_slow_reader_gets_the_newest_entry_only(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    for user in ("ada", "bob", "cleo"):
        await shop.join(user)
    live: Live = app.state.service.live
    async with listening(app) as url, slow_reader(app, url, await shop.token("cleo")) as (slow, cleo):
        for user in ("ada", "bob"):
            await shop.user(user, "DELETE")
            await live.look()
        app.state.service.streams.comment_later(cleo.reader)  # a comment has to wait, too
        read = b""
        async with asyncio.timeout(SOON):
            while b"x\n\n" not in read or not read.endswith(b"\n\n\r\n"):
                read = read[-5000:] + await asyncio.get_running_loop().sock_recv(slow, 1 << 20)
        after = read.rpartition(b"x\n\n")[2]
        assert after.count(b"data: ") == 1
        assert b'"position":1,' in after


async def test_an_idle_stream_keeps_no_request_and_no_task(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    loop = asyncio.get_running_loop()
    async with listening(app) as url:
        port, token = int(url.rpartition(":")[2]), await shop.token("ada")
        request = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        with ExitStack() as opened:

            async def open_streams(number: int) -> tuple[int, int]:
                """Return how many tasks and how many other objects there are afterwards."""
                for _ in range(number):
                    reader = opened.enter_context(socket.socket())
                    reader.setblocking(False)
                    await loop.sock_connect(reader, ("127.0.0.1", port))
                    await loop.sock_sendall(reader, request)
                    received = b""
                    while b"data: " not in received:
                        received += await asyncio.wait_for(loop.sock_recv(reader, 65536), SOON)
                gc.collect()
                return len(asyncio.all_tasks()), len(gc.get_objects())

            await open_streams(5)  # leaves what is made once
            tasks, objects = await open_streams(1)
            tasks_after, objects_after = await open_streams(50)
    assert tasks_after == tasks
    assert objects_after - objects < 50 * 30


@pytest.mark.parametrize("seed", range(3))
async def test_everybody_was_told_the_truth_in_the_end(lists: Lists, seed: int) -> None:
    """Watchers come while lists change and looks are under way; one more look, and each knows its entry."""
    chance = random.Random(seed)
    users = [f"u{n}" for n in range(40)]
    for user in users:
        await lists.join(user, chance.randint(1, 3))
    watching = Watching(lists)
    watchers: list[Watcher] = []
    news: dict[Watcher, Entry] = {}

    async def change() -> None:
        for _ in range(60):
            user = chance.choice(users)
            act = chance.choice(
                [
                    lambda user=user: lists.leave(user),
                    lambda user=user: lists.join(user, 2),
                    lambda user=user: lists.move(user, to="first"),
                    lambda user=user: lists.change(user, wanted=1),
                    lambda: lists.add_stock(1),
                    lambda user=user: lists.buy(user),
                ]
            )
            with suppress(Problem):
                await act()

    async def come() -> None:
        for user in users:
            watchers.append(await watching.watch(user))
            await asyncio.sleep(0.002)

    async def look() -> None:
        for _ in range(40):
            await watching.live.look()
            for watcher in watchers:
                if entry := watcher.take():
                    news[watcher] = entry
            await asyncio.sleep(0.001)

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for one in (change, come, look):
            tasks.create_task(one())
    await watching.live.look()
    for watcher in watchers:
        news[watcher] = watcher.take() or news[watcher]
        assert news[watcher] == await lists.entry(watcher.user_id)
    assert {entry.status for entry in news.values()} >= {Status.WAITING, Status.LEFT}


async def test_a_look_that_fails_is_made_good_by_the_next(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    await lists.join("ada")
    await lists.join("bob")
    watching = Watching(lists)
    bob = await watching.watch("bob")
    await watching.live.look()
    await lists.leave("ada")
    with monkeypatch.context() as broken:

        async def fails(*_: Any) -> None:
            raise Problem("away")

        broken.setattr(CoalescedReads, "entries", fails)
        with pytest.raises(Problem):
            await watching.live.look()
    await watching.live.look()
    news = bob.take()
    assert news
    assert news.position == 1


async def test_a_change_while_somebody_begins_to_watch_is_not_missed(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in ("ada", "bob", "cleo"):
        await lists.join(user)
    watching = Watching(lists)
    await watching.watch("bob")
    read = CoalescedReads.entry

    async def slow(self: CoalescedReads, *arguments: Any, **more: Any) -> Any:
        entry = await read(self, *arguments, **more)
        await lists.leave("ada")
        await watching.live.look()
        return entry

    monkeypatch.setattr(CoalescedReads, "entry", slow)
    cleo = await watching.watch("cleo")
    monkeypatch.undo()
    seen = cleo.take()
    assert seen
    assert seen.position == 3
    await watching.live.look()
    news = cleo.take()
    assert news
    assert news.position == 2
