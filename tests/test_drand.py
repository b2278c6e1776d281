"""The worker holds the draws that are due: with a round of drand, or by itself after a day."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from tests.lists.test_draw import drawn_order, line
from tests.support.ledger import verify
from tests.support.lists import Lists
from waiting_list import drand
from waiting_list.lists.draws import drand_round
from waiting_list.lists.models import ListKey
from waiting_list.maintenance import Maintenance

SIGNATURE = "5f" * 48
RANDOMNESS = sha256(bytes.fromhex(SIGNATURE)).hexdigest()


class DrandServer:
    """A server of drand on loopback that answers what a test sets; None: it fails."""

    def __init__(self) -> None:
        self.answer: dict[str, object] | None = None
        self.asked: list[str] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.split()[1].decode())
        body = json.dumps(self.answer).encode()
        status = b"503 Service Unavailable" if self.answer is None else b"200 OK"
        writer.write(b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (status, len(body)))
        writer.write(body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def drand_server() -> AsyncIterator[DrandServer]:
    server = DrandServer()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listening:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        yield server


async def due(lists: Lists, source: str, since: timedelta) -> datetime:
    """Have two fans join a list whose lots could be drawn from so long ago on; return that instant."""
    draw_at = (datetime.now(UTC) - since).replace(microsecond=0)
    lists.now = draw_at - timedelta(hours=1)
    await lists.configure(order="draw", draw_at=draw_at, draw_source=source)
    for user in ("ada", "bob"):
        await lists.join(user, 1)
    return draw_at


async def test_the_worker_draws_with_the_announced_round_and_with_no_other(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drand, "_RETRY_SECONDS", 0)
    at = await due(lists, "drand", timedelta(hours=1))
    right: dict[str, object] = {"round": drand_round(at), "randomness": RANDOMNESS, "signature": SIGNATURE}
    async with drand_server() as server:
        worker = Maintenance(lists.pool, lists.engine, drand_url=server.url)
        refused: tuple[dict[str, object] | None, ...] = (
            None,
            right | {"randomness": "00" * 32},
            right | {"round": drand_round(at) + 1},
            {"code": 5},
        )
        for times, answer in enumerate(refused, 1):
            server.answer = answer
            await worker.work()
            assert len(server.asked) == times
            assert (await lists.entry("ada")).position is None
        server.answer = right
        await worker.work()
        await worker.work()
        assert server.asked == [f"/{drand.QUICKNET}/public/{drand_round(at)}"] * 5
    assert await line(lists) == await drawn_order(lists, [1, 2], RANDOMNESS)
    (row,) = await lists.rows("SELECT actor, after FROM history WHERE verb = 'draw'")
    assert (row["actor"], json.loads(row["after"])["draw_round"]) == ("service", drand_round(at))
    await lists.audit()
    await verify(lists.pool, lists.key.list_id)


async def test_the_worker_draws_by_itself_after_a_day_and_no_sooner(lists: Lists) -> None:
    key = ListKey("off_2", "rep_2")
    await lists.add_list(key)
    silent, down = Lists(lists.pool, lists.engine, key), lists
    await due(silent, "Numbers of the lottery", timedelta(hours=23))
    await due(down, "drand", timedelta(hours=25))
    async with drand_server() as server:
        url = server.url
    # Nothing listens there any more.
    await Maintenance(lists.pool, lists.engine, drand_url=url).work()
    drawn = await lists.rows("SELECT list_id, after->>'draw_randomness' AS value FROM history WHERE verb = 'draw'")
    assert [one["list_id"] for one in drawn] == [down.key.list_id]
    assert drawn[0]["value"].startswith("ledger:")
    assert (await silent.entry("ada")).position is None
    assert {(await down.entry(user)).position for user in ("ada", "bob")} == {1, 2}
    await lists.audit()
