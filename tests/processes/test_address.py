"""The address of a served process: what it prints and links to follows its host and port, unless it is set."""

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.support.ports import free_port
from tests.support.shop import LIST, ORGANIZATION, Shop
from tests.support.until import until
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.postgres.pool import Pool


class Served(NamedTuple):
    """A process of `serve`: what it has printed, and the file of its log."""

    printed: str
    log: Path

    def url(self, name: str) -> str:
        """Return the printed address with this name."""
        (found,) = re.findall(rf"^  {name} +(\S+)$", self.printed, re.MULTILINE)
        return str(found)


@contextlib.asynccontextmanager
async def serving(dsn: str, folder: Path, *options: str, **environment: str) -> AsyncIterator[Served]:
    """Run `serve` until it is ready, with its e-mails in a folder unless the environment names a mail server."""
    own = {"DATABASE_URL": dsn, "WAITING_LIST_DRAIN_SECONDS": "0"}
    if "WAITING_LIST_SMTP_HOST" not in environment:
        own["WAITING_LIST_MAIL_FOLDER"] = str(folder / "mail")
    log = folder / "log"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "waiting_list",
            "serve",
            *options,
            env=os.environ | own | environment,
            stdout=subprocess.PIPE,
            stderr=file,
        )
    assert process.stdout
    try:
        printed = ""
        while "  health " not in printed:
            line = await asyncio.wait_for(process.stdout.readline(), 30)
            assert line, log.read_text()
            printed += line.decode()
        if "WAITING_LIST_MAIL_FOLDER" in own:
            printed += (await asyncio.wait_for(process.stdout.readline(), 5)).decode()
        served = Served(printed, log)

        async def is_ready() -> bool:
            assert process.returncode is None, log.read_text()
            with contextlib.suppress(httpx.TransportError):
                async with httpx.AsyncClient(trust_env=False) as client:
                    return (await client.get(served.url("health"))).status_code == 200
            return False

        await until(is_ready, seconds=30)
        yield served
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.wait(), 20)


async def links(served: Served, url: str, pool: Pool) -> set[str]:
    """Return the origins of the links that the processes make: answers of the API, and an e-mail of the worker."""
    key, _ = await create_api_key(pool, ORGANIZATION, name="tests", scopes=[Scope.ADMIN])
    made = []
    # Each over a connection of its own, so that both processes answer some.
    for number in range(5):
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            shop = Shop(client, key.key)
            if number == 0:
                await shop.stock()
                fan = {"user_id": "ada", "tickets_wanted": 1, "email": "ada@fans.example", "email_verified": True}
                await shop.made("POST", f"/waiting-lists/{LIST}/entries", fan)
            made.append((await shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/link"))["url"])
    mails = served.log.parent / "mail"

    async def is_mailed() -> bool:
        return any(mails.glob("*.eml"))

    await until(is_mailed, seconds=20)
    text = next(mails.glob("*.eml")).read_text()
    made += re.findall(r"https?://\S+/e/\w+", text)
    assert len(made) > 5
    return {link.partition("/e/")[0] for link in made}


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_links_follow_the_port_in_every_process(dsn: str, pool: Pool, tmp_path: Path, workers: str) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with serving(dsn, tmp_path, "--port", str(port), "--workers", workers) as served:
        assert served.url("fans") == f"{url}/"
        assert served.url("mails") == f"{url}/mails"
        assert await links(served, url, pool) == {url}


async def test_the_settings_name_host_and_port_and_the_options_override_them(dsn: str, tmp_path: Path) -> None:
    named, given = free_port(), free_port()
    environment = {"WAITING_LIST_HOST": "localhost", "WAITING_LIST_PORT": str(named)}
    async with serving(dsn, tmp_path, **environment) as served:
        assert served.url("API") == f"http://localhost:{named}"
    async with serving(dsn, tmp_path, "--host", "0.0.0.0", "--port", str(given), **environment) as served:  # noqa: S104
        assert served.url("API") == f"http://127.0.0.1:{given}"


async def test_port_0_takes_a_free_port_and_names_it(dsn: str, pool: Pool, tmp_path: Path) -> None:
    async with serving(dsn, tmp_path, "--port", "0") as served:
        url = served.url("API")
        assert url.rpartition(":")[2] != "0"
        assert await links(served, url, pool) == {url}


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["::", "::1"])
async def test_an_ipv6_address_stands_in_brackets_in_links(
    dsn: str, pool: Pool, tmp_path: Path, host: str
) -> None:
    port = free_port()
    async with serving(dsn, tmp_path, "--host", host, "--port", str(port)) as served:
        url = f"http://[::1]:{port}"
        assert served.url("organizers") == f"{url}/dashboard"
        assert await links(served, url, pool) == {url}


async def test_a_set_public_address_is_what_is_printed_and_linked(dsn: str, pool: Pool, tmp_path: Path) -> None:
    port, public = free_port(), "https://shop.example/waiting"
    async with serving(dsn, tmp_path, "--port", str(port), WAITING_LIST_PUBLIC_URL=f"{public}/") as served:
        assert served.url("fans") == f"{public}/"
        assert served.url("health") == f"http://127.0.0.1:{port}/health/ready"
        assert await links(served, f"http://127.0.0.1:{port}", pool) == {public}


async def test_dead_links_in_e_mails_are_warned_of_once(dsn: str, tmp_path: Path) -> None:
    smtp = {"WAITING_LIST_SMTP_HOST": "127.0.0.1"}
    async with serving(dsn, tmp_path, "--port", str(free_port()), "--workers", "2", **smtp) as served:
        pass
    lines = [line for line in served.log.read_text().splitlines() if "public_url_is_loopback" in line]
    assert len(lines) == 1
    assert "Set WAITING_LIST_PUBLIC_URL" in lines[0]
    public = {"WAITING_LIST_PUBLIC_URL": "https://tickets.example"}
    async with serving(dsn, tmp_path, "--port", str(free_port()), **smtp, **public) as served:
        pass
    assert "public_url_is_loopback" not in served.log.read_text()


async def test_the_worker_alone_warns_of_dead_links(dsn: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "waiting_list",
            "worker",
            env=os.environ | {"DATABASE_URL": dsn, "WAITING_LIST_SMTP_HOST": "127.0.0.1"},
            stderr=file,
        )
    try:

        async def warns() -> bool:
            assert worker.returncode is None, log.read_text()
            return "public_url_is_loopback" in log.read_text()

        await until(warns, seconds=30)
    finally:
        worker.terminate()
        await asyncio.wait_for(worker.wait(), 20)


@pytest.mark.parametrize(
    ("options", "environment", "why"),
    [
        (("--host", "nowhere.invalid"), {}, "Cannot listen on nowhere.invalid:"),
        (("--host", "::1:2:zz"), {}, "Cannot listen on [::1:2:zz]:"),
        ((), {"WAITING_LIST_PORT": "many"}, "The settings are not valid:\n  WAITING_LIST_PORT must be"),
        (
            (),
            {"WAITING_LIST_PUBLIC_URL": "https://a:b@shop.example"},
            "The settings are not valid:\n  WAITING_LIST_PUBLIC_URL must",
        ),
    ],
)
def test_an_address_that_cannot_be_is_one_sentence(
    options: tuple[str, ...], environment: dict[str, str], why: str
) -> None:
    command = [sys.executable, "-m", "waiting_list", "serve", *options]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(why)
    assert done.stderr.count("\n") == why.count("\n") + 1
