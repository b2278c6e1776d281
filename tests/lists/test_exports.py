"""Exports as CSV: complete, as of one instant, and at the pace of the reader."""

import ast
import asyncio
import csv
import errno
import io
import os
import re
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from tests.processes.test_drain import Process
from tests.support.databases import connected
from tests.support.lists import LIST, ORGANIZATION, Lists
from tests.support.shop import Shop, listening, problem
from tests.support.until import until
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.lists.models import Entry, ListKey
from waiting_list.lists.queries import exports
from waiting_list.lists.queries.entries import EntryFilter, Take, export_entries
from waiting_list.lists.queries.exports import Exports
from waiting_list.postgres.pool import Pool
from waiting_list.problems import RateLimited, Unavailable
from waiting_list.web import csv_export

MANY = 50_000
"""Entries whose CSV fits in no buffer of a connection."""
ALL = EntryFilter()
SOURCES = Path(exports.__file__).parent.parent.parent


async def fill(pool: Pool, quantity: int = MANY) -> None:
    """So many entries, without the history that joins would write."""
    await pool.execute(
        "INSERT INTO entries (list_id, number, user_id, status, tickets_wanted, tickets_minimum, rank, joined_at)"
        " SELECT $1, n, 'fan-with-an-id-of-some-length-' || n, 'waiting', 1, 1, n * 1000000, now()"
        " FROM generate_series(1, $2::bigint) AS n",
        LIST.list_id,
        quantity,
    )


def numbers(text: bytes) -> list[int]:
    return [int(row["number"]) for row in csv.DictReader(io.StringIO(text.decode()))]


async def read(export: exports.Export) -> bytes:
    return b"".join([chunk async for chunk in export.chunks()])


class Reader:
    """A client that asks for an export, and reads only as much of it as a test wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    @asynccontextmanager
    async def of(cls, port: int, key: str) -> AsyncIterator["Reader"]:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=raw, limit=4096)
        writer.write(
            b"GET /v1/organizer/entries.csv HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Authorization: Bearer %s\r\n\r\n" % key.encode()
        )
        try:
            yield cls(reader, writer)
        finally:
            writer.close()

    def leave(self) -> None:
        self._writer.transport.abort()

    async def head(self) -> str:
        return (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 20)).decode()

    async def rest(self) -> bytes:
        """The body, whose chunks are put together. Raises IncompleteReadError if its end is missing."""
        body = b""
        async with asyncio.timeout(60):
            while length := int(await self._reader.readuntil(b"\r\n"), 16):
                body += await self._reader.readexactly(length + 2)
                body = body.removesuffix(b"\r\n")
        return body


async def until_ready(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as http:

        async def is_ready() -> bool:
            with suppress(httpx.TransportError):
                return (await http.get("/health/ready")).is_success
            return False

        await until(is_ready, seconds=30)


@contextmanager
def serving(process: Process) -> Any:
    try:
        yield process
    finally:
        process.process.kill()
        process.process.wait(10)


async def test_readers_of_exports_that_take_nothing_hold_no_connection_and_no_other_up(
    dsn: str, pool: Pool, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = await Lists.make(pool)
    await fill(pool)
    await lists.add_event("ev_2", "org_2")
    await lists.add_list(ListKey("off_2", "rep_2"), event_id="ev_2", organization_id="org_2")
    slow, other = [
        (await create_api_key(pool, one, name="x", scopes=[Scope.ADMIN]))[0].key for one in (ORGANIZATION, "org_2")
    ]
    monkeypatch.setenv("WAITING_LIST_POOL_SIZE", "2")
    monkeypatch.setenv("WAITING_LIST_WORKER", "false")
    async with AsyncExitStack() as stack:
        process = stack.enter_context(serving(Process(dsn)))
        http = await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{process.port}"))

        await until_ready(f"http://127.0.0.1:{process.port}")
        readers = [await stack.enter_async_context(Reader.of(process.port, slow)) for _ in range(8)]
        heads = [await reader.head() for reader in readers]
        assert sorted(head.split()[1] for head in heads) == ["200"] * 2 + ["429"] * 6
        assert all("retry-after" in head.lower() for head in heads if " 429 " in head)

        administrator = await stack.enter_async_context(connected(server))

        async def no_pass_goes_on() -> bool:
            return not await administrator.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND xact_start IS NOT NULL"
                " AND backend_type = 'client backend'",
                dsn.rpartition("/")[2],
            )

        await until(no_pass_goes_on, seconds=20)
        for number in range(50):
            async with http.post(
                "/v1/organizer/waiting-lists/off_2/rep_2/entries",
                json={"user_id": f"fan-{number}", "tickets_wanted": 1},
                headers={"Authorization": f"Bearer {other}"},
            ) as answer:
                assert answer.status == 201, await answer.text()
        # A reader gets all of it once it reads, and one that goes makes room for the next.
        first, second = (reader for reader, head in zip(readers, heads, strict=True) if " 200 " in head)
        assert numbers(await first.rest()) == list(range(1, MANY + 1))
        second.leave()

        async def there_is_room() -> bool:
            async with http.get(
                "/v1/organizer/entries.csv", headers={"Authorization": f"Bearer {slow}"}
            ) as answer:
                return answer.status == 200 and len(numbers(await answer.read())) == MANY

        await until(there_is_room, seconds=20)


async def test_an_export_shows_one_instant_whatever_changes_while_it_is_made(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waiting_list.lists.queries.entries._EXPORTED_AT_ONCE", 2)
    for user in ("ada", "bob", "cleo", "dan", "eve"):
        await lists.join(user)
    found: list[tuple[str | None, int | None]] = []

    async def take(entries: Sequence[Entry]) -> None:
        if not found:
            await lists.move("ada", to="last")
            await lists.move("eve", to="first")
            await lists.leave("cleo")
            await lists.join("fay")
        found.extend((entry.user_id, entry.position) for entry in entries)

    await export_entries(lists.pool, ORGANIZATION, ALL, take)
    assert found == [("ada", 1), ("bob", 2), ("cleo", 3), ("dan", 4), ("eve", 5)]


@pytest.mark.parametrize("quantity", [0, 1, 199, 200, 201, 1000])
async def test_an_export_has_every_entry_once_in_the_order_of_the_queue(lists: Lists, quantity: int) -> None:
    await fill(lists.pool, quantity)
    export = await Exports(lists.pool).open(ORGANIZATION, ALL)
    text = await read(export)
    await export.close()
    assert text.startswith(b"offer_id,representation_id,event_id,user_id,status,")
    assert numbers(text) == list(range(1, quantity + 1))


async def test_an_export_waits_in_memory_and_a_large_one_on_disk_in_a_file_without_a_name(
    lists: Lists, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(exports, "_BYTES_IN_MEMORY", 1000)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def open_files() -> list[str]:
        links = [Path(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
        return [str(link.readlink()) for link in links if link.exists() or link.is_symlink()]

    await fill(lists.pool, 2000)
    made = Exports(lists.pool)
    export = await made.open(ORGANIZATION, ALL)
    await asyncio.wait_for(asyncio.wait([export._writing]), 10)
    assert list(tmp_path.iterdir()) == []
    assert [one for one in open_files() if str(tmp_path) in one] != []
    await export.close()
    assert [one for one in open_files() if str(tmp_path) in one] == []


async def test_an_organization_and_a_process_have_so_many_exports_at_once(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 3)
    made = Exports(lists.pool)
    first, second = [await made.open(ORGANIZATION, ALL) for _ in range(2)]
    with pytest.raises(RateLimited) as refused:
        await made.open(ORGANIZATION, ALL)
    assert refused.value.headers["Retry-After"] == "5"
    other = await made.open("org_2", ALL)
    with pytest.raises(Unavailable):
        await made.open("org_3", ALL)
    await first.close()
    third = await made.open("org_3", ALL)
    for one in (second, third, other):
        await one.close()
    assert not made._open


async def test_passes_go_one_after_the_other_and_are_not_waited_for_without_end(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def stuck(pool: Pool, organization_id: str, only: EntryFilter, take: Take, **_: object) -> None:
        entered.set()
        await leave.wait()
        await take([])

    monkeypatch.setattr(exports, "export_entries", stuck)
    made = Exports(lists.pool)
    first = asyncio.create_task(made.open(ORGANIZATION, ALL))
    await asyncio.wait_for(entered.wait(), 10)
    entered.clear()
    monkeypatch.setattr(exports, "WAIT_SECONDS", 0.05)
    with pytest.raises(Unavailable):
        await made.open("org_2", ALL)
    assert not entered.is_set()
    assert made._open == {ORGANIZATION: 1}
    leave.set()
    await (await first).close()
    await (await made.open("org_2", ALL)).close()


async def test_a_call_for_an_export_that_is_cancelled_gives_its_place_back(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = asyncio.Event()

    async def stuck(pool: Pool, organization_id: str, only: EntryFilter, take: Take, **_: object) -> None:
        entered.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(exports, "export_entries", stuck)
        made = Exports(lists.pool)
        call = asyncio.create_task(made.open(ORGANIZATION, ALL))
        await asyncio.wait_for(entered.wait(), 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(call, 10)
    assert not made._open
    await (await made.open(ORGANIZATION, ALL)).close()


async def test_a_reader_that_goes_in_the_middle_of_a_pass_ends_it(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, began = export_entries, asyncio.Event()

    async def with_a_pause(pool: Pool, organization_id: str, only: EntryFilter, take: Take, **_: object) -> None:
        async def take_one(entries: Sequence[Entry]) -> None:
            await take(entries)
            began.set()
            await asyncio.Event().wait()

        await real(pool, organization_id, only, take_one)

    monkeypatch.setattr(exports, "export_entries", with_a_pause)
    export = await Exports(lists.pool).open(ORGANIZATION, ALL)
    await asyncio.wait_for(began.wait(), 10)
    await asyncio.wait_for(export.close(), 10)
    assert lists.pool.get_idle_size() == lists.pool.get_size()


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(tempfile.SpooledTemporaryFile[bytes]):
        def write(self, _: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", Full)


@pytest.mark.usefixtures("full_disk")
async def test_a_full_disk_is_no_outage_of_the_database(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    with capture_logs() as logs:
        for _ in range(3):
            refused = problem(await shop.organizer("GET", "/entries.csv"), 503, "unavailable")
            assert refused["detail"] == "The service has no disk space left for an export. Try again later."
    assert "database_unreachable" not in [line["event"] for line in logs]
    assert not app.state.service.exports._open


async def test_an_export_that_breaks_off_is_cut_and_not_ended(
    app: FastAPI, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes = asyncio.Event()

    async def broken(pool: Pool, organization_id: str, only: EntryFilter, take: Take, **_: object) -> None:
        await take([])
        await goes.wait()
        raise Unavailable

    await shop.stock()
    monkeypatch.setattr(exports, "export_entries", broken)
    async with listening(app) as url, httpx.AsyncClient(base_url=url) as http:
        await until_ready(url)
        asked = http.stream("GET", "/v1/organizer/entries.csv", headers={"Authorization": f"Bearer {shop.key}"})
        async with asked as answer:
            assert answer.status_code == 200
            goes.set()
            with capture_logs() as logs, pytest.raises(httpx.RemoteProtocolError):
                await answer.aread()
        assert [line["event"] for line in logs] == ["export_cut_off"]

        async def all_are_over() -> bool:
            return not app.state.service.exports._open

        await until(all_are_over)


async def test_a_reader_that_takes_a_byte_now_and_then_does_not_keep_its_place(
    app: FastAPI, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_export, "EXPORT_SECONDS", 0.5)
    await shop.stock()
    await fill(app.state.service.pool)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(listening(app))
        await until_ready(url)
        reader = await stack.enter_async_context(Reader.of(httpx.URL(url).port or 0, shop.key))
        assert " 200 " in await reader.head()
        assert app.state.service.exports._open

        async def is_over() -> bool:
            return not app.state.service.exports._open

        await until(is_over)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.rest()


HOLDERS = {"snapshot", "connection", "transaction", "acquire"}
"""The context managers that hold a database connection."""


def handed_out(source: str) -> list[int]:
    """Return the lines where a generator yields while it holds a connection, for as long as its consumer likes."""
    found = []
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef):
            continue
        if any(re.search("contextmanager|fixture", ast.unparse(one)) for one in function.decorator_list):
            continue
        for block in ast.walk(function):
            if isinstance(block, ast.AsyncWith) and any(
                isinstance(part, ast.Call) and ast.unparse(part.func).rpartition(".")[2] in HOLDERS
                for item in block.items
                for part in ast.walk(item.context_expr)
            ):
                found += [one.lineno for one in ast.walk(block) if isinstance(one, ast.Yield | ast.YieldFrom)]
    return found


def test_no_generator_hands_out_rows_while_it_holds_a_connection() -> None:
    assert handed_out(
        "async def f():\n async with a, snapshot(pool) as one:\n  async for x in one:\n   yield x"
    ) == [4]
    found = {path.name: lines for path in SOURCES.rglob("*.py") if (lines := handed_out(path.read_text()))}
    assert found == {}


def test_whatever_is_streamed_is_read_from_a_spool_or_is_a_live_entry() -> None:
    streamed = {
        (path.name, match)
        for path in SOURCES.rglob("*.py")
        for match in re.findall(
            r"(?:class (\w+)\(StreamingResponse|(?<!class=)\bStreamingResponse\()", path.read_text()
        )
    }
    # The changes of a ledger are read a part at a time, without a connection in between.
    assert streamed == {("csv_export.py", "_ExportResponse"), ("ledger.py", "")}
