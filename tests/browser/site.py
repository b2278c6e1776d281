"""The service as a browser finds it, and what happens there while somebody looks."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from tests.support.shop import LIST, Shop
from tests.support.until import until
from waiting_list.access.private_links import verification_code
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import connection

PAGE = f"/waiting-lists/{LIST}"
PLACE = f"{PAGE}/place"
DASHBOARD = f"/dashboard{PAGE}"
FAN = "ada"
EMAIL = "ada@example.org"
KEPT = httpx.Limits(keepalive_expiry=2)
"""For calls beside a browser. The server closes a quiet connection after five seconds, perhaps as a call comes."""


@dataclass
class Site:
    """The running service: its organization's calls, its address, and the folder of its e-mails."""

    app: FastAPI
    shop: Shop
    address: str
    folder: Path

    async def join(self, user_id: str = FAN, wanted: int = 2, minimum: int | None = None, **more: Any) -> str:
        """A fan joins; the path of their private link."""
        body = {"user_id": user_id, "tickets_wanted": wanted, "tickets_minimum": minimum or wanted} | more
        await self.shop.made("POST", f"{PAGE}/entries", body)
        link: str = (await self.shop.made("POST", f"{PAGE}/entries/{user_id}/link"))["url"]
        return link.removeprefix(self.address)

    async def configure(self, **settings: Any) -> None:
        await self.shop.made("PATCH", PAGE, settings)

    async def add_stock(self, quantity: int) -> None:
        await self.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": quantity})

    async def run(self, statement: str, *arguments: Any) -> None:
        async with connection(self.app.state.service.pool) as acquired:
            await acquired.execute(statement, *arguments)

    async def lapse(self) -> None:
        """All holds are over, and the worker has seen it."""
        await self.run("UPDATE entries SET ready_until = now() - interval '1 second' WHERE status = 'ready'")
        self.app.state.service.engine.wake.set()

    async def code(self, number: int = 1, email: str = EMAIL) -> str:
        """What the link in the e-mail that asks to confirm an address ends with."""
        secret = await self.app.state.service.signing_keys.derived_secret()
        return verification_code(secret, ListKey(*LIST.split("/")).list_id, number, email)

    async def mail(self, pattern: str = "") -> str:
        """The name of an e-mail that has been written, whose source matches."""
        found: list[str] = []

        async def is_there() -> bool:
            for path in sorted(self.folder.glob("[!.]*.eml")):
                if re.search(pattern, path.read_text(errors="replace")):
                    found.append(path.name)
            return bool(found)

        await until(is_there, seconds=20)
        return found[-1]
