"""Fans get their e-mails whichever process makes the change: the mail settings of a shell do not matter."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest_asyncio

from tests.support.commands import CATALOGUE, run_all
from tests.support.databases import connected, on
from tests.support.ports import free_port
from tests.support.until import until

LIST = "off_001/rep_001"


class Shop(NamedTuple):
    """A service that sends e-mails, the folder for them, and what a shell without its settings needs."""

    url: str
    key: str
    mails: Path
    folder: Path
    dsn: str

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        async with httpx.AsyncClient(trust_env=False, headers={"Authorization": f"Bearer {self.key}"}) as http:
            answer = await http.request(method, f"{self.url}/v1/organizer{path}", json=body, timeout=20)
        assert answer.is_success, answer.text
        return answer.json()

    def shell(self, *arguments: str) -> str:
        """Run a command in an environment that has the database only, and return what it prints."""
        (done,) = run_all([arguments], folder=self.folder, DATABASE_URL=self.dsn)
        assert (done.code, done.stderr) == (0, ""), done
        return done.stdout


@pytest_asyncio.fixture
async def shop(server: str, dsn: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """The service, with the catalogue of the tests, in which every list is sold out."""
    dsn = on(server, urlsplit(dsn).path.removeprefix("/"))  # past any pooler
    port, mails = free_port(), tmp_path / "mails"
    before = Shop(f"http://127.0.0.1:{port}", "", mails, tmp_path, dsn)
    import_ = ["import", str(CATALOGUE), "--shift-dates", "--organization", "quay"]
    await asyncio.to_thread(before.shell, *import_)
    key = await asyncio.to_thread(before.shell, "create-key", "quay")
    process = subprocess.Popen(
        [sys.executable, "-m", "waiting_list", "serve", "--port", str(port)],
        env={"PATH": os.environ["PATH"], "DATABASE_URL": dsn, "WAITING_LIST_MAIL_FOLDER": str(mails)},
        stdout=subprocess.DEVNULL,
    )
    try:
        async with connected(dsn) as reader:

            async def mails_are_sent() -> bool:
                assert process.poll() is None
                return bool(await reader.fetchval("SELECT count(*) FROM mail_seen"))

            await until(mails_are_sent, seconds=60)
        yield before._replace(key=key.strip())
    finally:
        process.terminate()
        process.wait(30)


def fan(name: str) -> dict[str, Any]:
    email = f"{name}@example.org"
    return {"user_id": name, "tickets_wanted": 2, "email": email, "email_verified": True}


async def test_a_fan_whom_an_import_makes_ready_gets_an_e_mail(shop: Shop) -> None:
    await shop.call("POST", f"/waiting-lists/{LIST}/entries", fan("ada"))
    files = shop.folder / "more"
    shutil.copytree(CATALOGUE, files)
    text = (files / "inventory.csv").read_text()
    (files / "inventory.csv").write_text(text.replace("off_001,rep_001,500,0", "off_001,rep_001,500,2"))
    await asyncio.to_thread(shop.shell, "import", str(files), "--shift-dates", "--organization", "quay")

    async def is_sent() -> bool:
        notices = (await shop.call("GET", "/notices"))["items"]
        return {"ready": "sent"}.items() <= {one["type"]: one["status"] for one in notices}.items()

    await until(is_sent, seconds=30)
    subjects = [line for file in shop.mails.glob("*.eml") for line in file.read_text().splitlines()]
    assert any(line.startswith("Subject: It is your turn: 2 tickets") for line in subjects)


async def test_a_fan_whom_an_erasure_makes_ready_gets_an_e_mail(shop: Shop) -> None:
    for name in ("bo", "ada"):
        await shop.call("POST", f"/waiting-lists/{LIST}/entries", fan(name))
    await shop.call("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    await asyncio.to_thread(shop.shell, "erase-user", "quay", "bo")

    async def is_told() -> bool:
        return any("To: ada@example.org" in file.read_text() and "Subject: It is your turn" in file.read_text()
                   for file in shop.mails.glob("*.eml"))  # fmt: skip

    await until(is_told, seconds=30)


async def test_people_who_are_imported_with_send_mail_get_the_e_mail_that_they_joined(shop: Shop) -> None:
    file = shop.folder / "people.csv"
    file.write_text("email\nada@example.org\n")
    offer, representation = LIST.split("/")
    into = ["--offer", offer, "--representation", representation, "--send-mail"]
    printed = await asyncio.to_thread(shop.shell, "import-people", str(file), *into)
    assert printed.splitlines()[-1] == "e-mails that they joined: 1"

    async def is_told() -> bool:
        return any("To: ada@example.org" in one.read_text() for one in shop.mails.glob("*.eml"))

    await until(is_told, seconds=30)
