"""A real worker is killed by SIGKILL between two steps of its work: the next one does the rest, once."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.lists.test_wishes import OTHER, Wishing, states
from tests.notifications.test_text_messages import ADA, opened, said
from tests.support.lists import Lists
from tests.support.receivers import receiving, status
from tests.support.until import until, working
from waiting_list.lists.wishes import Choice
from waiting_list.maintenance import Maintenance
from waiting_list.notifications.dispatcher import Dispatcher
from waiting_list.postgres.pool import Pool, connection, transaction

SECONDS = 60


@asynccontextmanager
async def worker(dsn: str) -> AsyncIterator[None]:
    """Run the `worker` command, and end it by SIGKILL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "waiting_list", "worker"),
        env=os.environ | {"DATABASE_URL": dsn, "WAITING_LIST_WEBHOOK_PRIVATE_ADDRESSES": "true"},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def value(pool: Pool, statement: str, *arguments: Any) -> Any:
    async with connection(pool) as acquired:
        return await acquired.fetchval(statement, *arguments)


async def test_a_worker_that_is_killed_between_a_hold_and_the_other_lists_of_the_wish_leaves_no_second_hold(
    lists: Lists, dsn: str
) -> None:
    lists.now = datetime.now(UTC) - timedelta(hours=30)
    wishing = await Wishing.make(lists)
    may, june = wishing.may, wishing.june
    choices = {
        "ada": Choice.WITHDRAW_WHEN_BOUGHT,
        "cleo": Choice.WITHDRAW_WHEN_HELD,
        "dan": Choice.KEEP_UNTIL_BOUGHT,
    }
    await may.join("bob", 3)
    for user, choice in choices.items():
        await wishing.wish(user, choice)
    await june.join("bob", 1)
    await may.add_stock(3)

    async def is_between() -> bool:
        waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database"
        blocked = await value(lists.pool, f"{waits} WHERE datname = current_database()))")
        return bool(blocked) and (await may.entry("cleo")).tickets_held == 1

    async with transaction(lists.pool) as acquired:
        # Bob's hold is over: the worker has May hold tickets for the three, and then asks for the lock of June.
        await acquired.execute("SELECT FROM inventory WHERE list_id = $1 FOR UPDATE", OTHER.list_id)
        async with worker(dsn):
            await until(is_between, seconds=SECONDS)
    wishing.may.now = wishing.june.now = datetime.now(UTC)
    for user in choices:
        assert await states(wishing, user) == [("ready", False), ("waiting", False)]
    await june.add_stock(1)
    assert await states(wishing, "ada") == [("ready", False), ("waiting", True)]
    assert (await june.entry("cleo")).tickets_held == 0
    await wishing.is_sound()
    for _ in range(2):
        await Maintenance(lists.pool, may.engine).work()
    assert await wishing.due() == []
    assert await states(wishing, "ada") == [("ready", False), ("waiting", True)]
    assert await states(wishing, "cleo") == [("ready", False), ("left", False)]
    assert await states(wishing, "dan") == [("ready", False), ("ready", False)]
    await wishing.is_sound()


async def test_a_text_message_of_a_worker_that_is_killed_before_or_after_its_send_is_sent_under_the_same_id(
    dsn: str, tmp_path: Path
) -> None:
    hangs = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if hangs.is_set():
            await reader.read()  # until the killed worker's connection ends
        writer.write(status(200))
        await writer.drain()

    async with opened(dsn, tmp_path, worker=False) as texts, receiving(hang) as gateway:
        pool = texts.app.state.service.pool
        await texts.shop.join("ada")
        await texts.gateway(gateway)
        await texts.verified("ada", 1)
        await texts.hold()
        await texts.run("DELETE FROM outbox WHERE type <> 'ready' RETURNING 1")
        (turn,) = await texts.notices()

        async def tried(times: int) -> bool:
            tries = "SELECT EXISTS (SELECT FROM outbox WHERE notice_id = $1 AND tries = $2)"
            return bool(await value(pool, tries, turn["notice_id"], times))

        async def is_asked() -> bool:
            return len(gateway.requests) == 1

        async with transaction(pool) as acquired:
            # A worker that has claimed the message reads the names of the show, and waits for them.
            await acquired.execute("LOCK TABLE offers")
            async with worker(dsn):
                await until(lambda: tried(1), seconds=SECONDS)
        assert gateway.requests == []
        hangs.set()
        await texts.run("UPDATE outbox SET due_at = now() RETURNING 1")  # the lease of the claim is over
        async with worker(dsn):
            await until(is_asked, seconds=SECONDS)
        hangs.clear()
        await texts.run("UPDATE outbox SET due_at = now() RETURNING 1")
        service = texts.app.state.service
        async with working(Dispatcher(pool, service.settings, service.signing_keys, service.engine)):
            (sent,) = await texts.ended(turn["type"])
        assert (sent["status"], sent["tries"]) == ("sent", 3)
        assert [(one["notice_id"], one["to"]) for one in said(gateway)] == [(turn["notice_id"], ADA)] * 2
