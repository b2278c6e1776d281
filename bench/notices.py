"""What telling a crowd costs everybody else: joins to one list while another tells all its fans at once.

make bench-notices

One call adds stock for every fan of a list: each is made ready, and told by an e-mail and a webhook, which go to
sinks on this machine (bench/sinks.py). Beside it fans join another list, first quietly, then from the moment of
that call on; once with the worker in the API's process, once in one of its own. Prints Markdown; BENCH_QUICK=1
makes it short.
"""

import asyncio
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from bench import requests
from bench.fill import fill_contacts
from bench.report import table
from bench.stage import ORGANIZATION, Server, Stage, running, service
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import connection

QUICK = bool(os.environ.get("BENCH_QUICK"))
FANS = 500 if QUICK else 10_000
SECONDS = 2.0 if QUICK else 10.0
CONNECTIONS = 32
FASTEST = 5_000
"""Joins a second that no run will exceed: so many are prepared for each second."""
TELLING_SECONDS = 90.0
"""How long all notices of a run may take; whatever has not left by then is reported as that."""
LIMIT_SECONDS = 300.0
"""How long everything may take."""
PLACES = {"in the API's process": True, "a process of its own": False}
"""Where the worker runs."""

METHOD = """\
# What telling {fans:,} fans costs

{when}, {cores} cores. The load, the service, PostgreSQL (on durable settings) and both sinks share them, in
one run. Read the ratios. {connections} clients join a list for {seconds:.0f} s, each with one request in
flight. They join once quietly, and once while one call makes all {fans:,} fans of another list ready. The
worker sends an e-mail over SMTP and a delivery to a webhook for each of these fans.
"""


async def main() -> None:
    """Runs both ways, and prints."""
    async with asyncio.timeout(LIMIT_SECONDS), Stage.make() as stage:
        found = {place: await measure(stage, worker_inside=inside) for place, inside in PLACES.items()}
    print(
        METHOD.format(
            fans=FANS,
            when=f"{datetime.now(UTC):%Y-%m-%d}",
            cores=os.cpu_count(),
            connections=CONNECTIONS,
            seconds=SECONDS,
        )
    )
    columns = {place: _figures(one) for place, one in found.items()}
    labels = next(iter(columns.values()))
    print(
        table(
            ["the worker is", *columns],
            ([label, *(one[label] for one in columns.values())] for label in labels),
        )
    )


async def measure(stage: Stage, *, worker_inside: bool) -> dict[str, Any]:
    """Joins quietly and beside the telling, and the telling itself."""
    crowd, other = await stage.make_list(waiting=FANS), await stage.make_list()
    fans = (f"fan{n}" for n in itertools.count())
    quiet, beside = [
        requests.joins([other], await stage.tokens(itertools.islice(fans, int(SECONDS * FASTEST))))
        for _ in range(2)
    ]
    with ExitStack() as stack:
        mail, webhook = (stack.enter_context(_sink(kind)) for kind in ("mail", "webhook"))
        await _address(stage, crowd, webhook)
        await stage.settle()
        environment = {
            "DATABASE_URL": stage.dsn,
            "WAITING_LIST_SMTP_HOST": "127.0.0.1",
            "WAITING_LIST_SMTP_PORT": str(mail.port),
            "WAITING_LIST_SMTP_SECURITY": "none",
            "WAITING_LIST_WEBHOOK_PRIVATE_ADDRESSES": "true",
            "WAITING_LIST_WORKER": str(worker_inside).lower(),
        }
        server = stack.enter_context(service(stage, environment=environment))
        if not worker_inside:
            stack.enter_context(running([sys.executable, "-m", "waiting_list", "worker"], environment))
        stage.load(server, requests.pictures(other), connections=CONNECTIONS, seconds=1)
        found: dict[str, Any] = {
            "quiet": _checked(stage.load(server, quiet, connections=CONNECTIONS, seconds=SECONDS))
        }
        _say(f"quietly: {found['quiet']['rate']:.0f} joins a second")
        loading = asyncio.create_task(
            asyncio.to_thread(stage.load, server, beside, connections=CONNECTIONS, seconds=SECONDS)
        )
        called_at = time.time()
        await _add_stock(stage, server, crowd)
        found["call"] = time.time() - called_at
        _say(f"adding stock took {found['call']:.2f} s")
        found["beside"] = _checked(await loading)
        _say(f"beside the telling: {found['beside']['rate']:.0f} joins a second")
        for name, sink in (("mail", mail), ("webhook", webhook)):
            found[name] = await sink.await_all(since=called_at)
            _say(name, found[name])
    return found


async def _address(stage: Stage, crowd: ListKey, webhook: "Sink") -> None:
    """Everybody gets an address, and the organization one webhook, which wants to know only of who is ready: the
    joins beside are to be the same in both runs."""
    async with connection(stage.pool) as acquired:
        await fill_contacts(acquired, crowd.list_id)
        await acquired.execute("DELETE FROM webhooks")
        await acquired.execute(
            "INSERT INTO webhooks (webhook_id, organization_id, url, description, types, created_at)"
            " VALUES ($1, $2, $3, '', '{entry.ready}', clock_timestamp())",
            f"webhook{webhook.port}",
            ORGANIZATION,
            f"http://127.0.0.1:{webhook.port}/",
        )


async def _add_stock(stage: Stage, server: Server, key: ListKey) -> None:
    url = f"http://127.0.0.1:{server.port}/v1/organizer/inventory/{key.offer_id}/{key.representation_id}/add-stock"
    headers = {"Authorization": f"Bearer {stage.api_key}"}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        answer = await client.post(url, headers=headers, json={"quantity": 2 * FANS})
    answer.raise_for_status()
    ready = len(answer.json()["promoted"])
    if ready != FANS:
        raise RuntimeError(f"{ready} fans of {FANS} were made ready")


class Sink:
    """A process that counts what it is sent."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin
        assert process.stdout
        self._asks, self._says = process.stdin, process.stdout
        self.port = int(self._says.readline())

    async def await_all(self, *, since: float) -> dict[str, Any]:
        """How many it took, and the seconds until the last of them; returns when it has all, or time is up."""
        while True:
            self._asks.write("counts\n")
            self._asks.flush()
            counts: dict[str, Any] = json.loads(await asyncio.to_thread(self._says.readline))
            if counts["different"] >= FANS or time.time() - since > TELLING_SECONDS:
                return counts | {"seconds": max(counts["last_at"] - since, 0.0)}
            await asyncio.sleep(0.1)


@contextmanager
def _sink(kind: str) -> Iterator[Sink]:
    command = [sys.executable, "-m", "bench.sinks", kind]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with running(command, {}, text=True, **pipes) as process:
        yield Sink(process)


def _checked(run: dict[str, Any]) -> dict[str, Any]:
    if set(run["statuses"]) != {"201"} or run["lost"] or run["used_up"]:
        raise RuntimeError(f"joins: {run}")
    return run


def _figures(found: dict[str, Any]) -> dict[str, str]:
    quiet, beside, mail, webhook = (found[name] for name in ("quiet", "beside", "mail", "webhook"))
    return {
        "joins beside the telling, to quiet ones": f"**{beside['rate'] / quiet['rate']:.2f}**",
        "joins /s, quiet": f"{quiet['rate']:,.0f}",
        **{
            f"{name} ms, quiet / beside": f"{quiet[key]:,.0f} / {beside[key]:,.0f}"
            for name, key in (("p50", "p50"), ("p99", "p99"), ("longest", "most"))
        },
        "seconds that adding stock took": f"{found['call']:.2f}",
        "seconds until the last e-mail had left": f"{mail['seconds']:.1f}{_missing(mail)}",
        "seconds until the last delivery had left": f"{webhook['seconds']:.1f}{_missing(webhook)}",
        "e-mails /s": f"{mail['different'] / mail['seconds']:,.0f}" if mail["different"] else "none",
        "sent more than once, e-mails / deliveries": " / ".join(
            f"{one['taken'] - one['different']:,}" for one in (mail, webhook)
        ),
    }


def _missing(counts: dict[str, Any]) -> str:
    missing = FANS - counts["different"]
    return f" (**{missing:,} had not**)" if missing > 0 else ""


def _say(*words: object) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S}", *words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
