"""Set the scene for attacks: two organizations, one with a list to attack, and a server that takes raw bytes."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt
from fastapi import FastAPI

from tests.support.shop import LIST, ORGANIZATION, Shop, add_webhook, listening
from tests.support.until import until
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.access.user_tokens import User
from waiting_list.web.header_limits import HeaderLimits

ENTRY = f"/waiting-lists/{LIST}/entry"


async def staged(app: FastAPI, http: httpx.AsyncClient) -> "Scene":
    """Make two organizations. The victim's has a list with fans in every state, a webhook, a notice and a key."""
    pool = app.state.service.pool
    await add_webhook(pool)
    keys = [
        (await create_api_key(pool, owner, name="x", scopes=[Scope.ADMIN]))[0].key
        for owner in (ORGANIZATION, "org_2")
    ]
    shop, stranger = (Shop(http, key) for key in keys)
    await shop.stock(available=0)
    for user in ("ada", "bob", "cleo"):
        await shop.join(user, 2)
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    await shop.user("cleo", "DELETE")
    return Scene(app, shop, stranger)


class Scene:
    def __init__(self, app: FastAPI, shop: Shop, stranger: Shop) -> None:
        self.app, self.shop, self.stranger = app, shop, stranger
        self.http = shop.http
        self.service = app.state.service

    async def secret(self) -> bytes:
        return (await self.service.signing_keys.keys()).user_token

    async def get(self, token: str, path: str = ENTRY, **headers: str) -> httpx.Response:
        return await self.http.get(f"/v1/user{path}", headers={"Authorization": f"Bearer {token}"} | headers)

    async def claims(self, **other: Any) -> dict[str, Any]:
        token, _ = await self.service.user_tokens.mint(User("ada", ORGANIZATION), expires_in=600)
        return jwt.decode(token, options={"verify_signature": False}) | other

    async def entry_of(self, user_id: str) -> dict[str, Any]:
        return await self.shop.entry(user_id)


@asynccontextmanager
async def wire(app: FastAPI, *, protocol: type[HeaderLimits] = HeaderLimits) -> AsyncIterator["Wire"]:
    """Run the application behind uvicorn, for tests that send raw bytes."""
    async with listening(app, protocol=protocol) as url:
        raw = Wire(int(url.rpartition(":")[2]))

        async def listens() -> bool:
            try:
                return await raw.lives()
            except ConnectionError:
                return False

        await until(listens)
        yield raw


class Wire:
    """A connection that sends bytes to the server and reads its answer."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def said(self, *parts: bytes, seconds: float = 5.0) -> bytes:
        """Return what the server sends until it closes the connection, or is silent for a moment."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        answer = b""
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            async with asyncio.timeout(seconds) as limit:
                while chunk := await reader.read(65536):
                    answer += chunk
                    limit.reschedule(asyncio.get_running_loop().time() + 0.2)
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()
        return answer

    async def lives(self) -> bool:
        answer = await self.said(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return answer.startswith(b"HTTP/1.1 200")


def statuses(answer: bytes) -> list[int]:
    return [int(one) for one in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]
