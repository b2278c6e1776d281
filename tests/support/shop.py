"""Share what the tests of the HTTP side need: an organization with a key, fans with tokens, and a catalogue."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from jsonschema import Draft202012Validator

from waiting_list.lists.models import organization_list_id
from waiting_list.postgres.pool import Pool, connection
from waiting_list.web.header_limits import HeaderLimits
from waiting_list.web.openapi_document import inlined

ORGANIZATION = "org_1"
LIST = "off_1/rep_1"
WEBHOOK = "wh_1"
NOTICE = "5a0b2b3c-0000-4000-8000-000000000001"
EVENT = {
    "title": "Jazz Festival",
    "description": "Three nights.",
    "thumbnail_url": None,
    "venue_name": "Olympia",
    "venue_address": "48 Rue de l'olympia",
    "timezone": "Europe/Paris",
}


@dataclass
class Shop:
    """A client of the service, for the calls of the organizer and of any fan."""

    http: httpx.AsyncClient
    key: str

    async def stock(
        self,
        total: int = 100,
        available: int = 0,
        *,
        maximum: int = 6,
        starts_in: timedelta = timedelta(days=30),
        where: str = LIST,
    ) -> None:
        """Make an event with one list, sold out by default."""
        offer_id, representation_id = where.split("/")
        start = datetime.now(UTC) + starts_in
        await self.made("PUT", "/events/ev_1", EVENT)
        dates = {"start_datetime": start.isoformat(), "end_datetime": (start + timedelta(hours=3)).isoformat()}
        await self.made("PUT", f"/representations/{representation_id}", {"event_id": "ev_1"} | dates)
        offer = {"event_id": "ev_1", "name": "Floor", "max_quantity_per_order": maximum}
        await self.made("PUT", f"/offers/{offer_id}", offer)
        await self.made("PUT", f"/inventory/{where}", {"total_stock": total, "available_stock": available})

    async def made(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        """Call as the organizer, and expect success."""
        answer = await self.organizer(method, path, body, **options)
        assert answer.is_success, answer.text
        return answer.json()

    async def organizer(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **options: Any
    ) -> httpx.Response:
        """Call as the organizer: /v1/organizer + path."""
        headers = {"Authorization": f"Bearer {key or self.key}"} | options.pop("headers", {})
        if body is not None:
            options["json"] = body
        return await self.http.request(method, f"/v1/organizer{path}", headers=headers, **options)

    async def token(self, user_id: str, *, key: str | None = None) -> str:
        """Return a token of one of the organization's users."""
        return (await self.made("POST", "/user-tokens", {"user_id": user_id}, key=key))["token"]

    async def user(
        self,
        user_id: str,
        method: str,
        path: str = f"/waiting-lists/{LIST}/entry",
        body: Any = None,
        **options: Any,
    ) -> httpx.Response:
        """Call as a fan: /v1/user + path."""
        headers = {"Authorization": f"Bearer {await self.token(user_id)}"} | options.pop("headers", {})
        if body is not None:
            options["json"] = body
        return await self.http.request(method, f"/v1/user{path}", headers=headers, **options)

    async def join(self, user_id: str, wanted: int = 1, **more: Any) -> dict[str, Any]:
        """Join as a fan, and expect success."""
        answer = await self.user(user_id, "POST", body={"tickets_wanted": wanted} | more)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def entry(self, user_id: str) -> dict[str, Any]:
        """Return a fan's entry, as the organizer sees it."""
        return await self.made("GET", f"/waiting-lists/{LIST}/entries/{user_id}")


async def add_webhook(pool: Pool) -> None:
    """Add the organization's WEBHOOK, which receives no real event, with NOTICE, a dead test notice."""
    async with connection(pool) as acquired:
        await acquired.execute(
            "INSERT INTO webhooks (webhook_id, organization_id, url, description, types, created_at)"
            " VALUES ($1, $2, 'https://shop.example/hook', '', '{list.closed}', now())",
            WEBHOOK,
            ORGANIZATION,
        )
        await acquired.execute(
            "INSERT INTO outbox (list_id, notice_id, organization_id, webhook_id, type, body, status,"
            " created_at, due_at, tries, ended_at)"
            " VALUES ($1, $2, $3, $4, 'webhook.test', '{}', 'dead', now(), now(), 10, now())",
            organization_list_id(ORGANIZATION),
            NOTICE,
            ORGANIZATION,
            WEBHOOK,
        )


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is this problem, and return it."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert body["status"] == status
    assert body["type"] == f"urn:waiting-list:problem:{code}"
    assert body["title"]
    assert body["detail"]
    return body


_operations: list[tuple[str, re.Pattern[str], dict[str, Any]]] = []
_components: dict[str, Any] = {}
_shapes: dict[str, Draft202012Validator] = {}
TRANSPORT = frozenset(
    {"access-control-allow-origin", "access-control-expose-headers", "connection", "content-encoding",
     "content-length", "content-type", "date", "server", "transfer-encoding"}
)  # fmt: skip
"""Headers of HTTP itself, and of the CORS protocol. The OpenAPI document does not declare them."""


def shape_of(schema: dict[str, Any], components: dict[str, Any]) -> Draft202012Validator:
    """Return the validator of a schema of the OpenAPI document."""
    name = json.dumps(schema)
    if name not in _shapes:
        _shapes[name] = Draft202012Validator(schema | {"components": components})
    return _shapes[name]


def declared_answers(app: FastAPI) -> Callable[[httpx.Response], Awaitable[None]]:
    """Fail a test whose call got an answer that OpenAPI does not declare for it: the status, the headers, the
    problem code or the body."""
    if not _operations:  # every application has the same, whatever its settings, and it takes a while to make them
        document = app.openapi()
        _components.update(document["components"])
        # Of the characters in our paths only the dot means something to a regular expression.
        _operations.extend(
            (method.upper(), re.compile(re.sub(r"{\w+}", "[^/]+", path.replace(".", r"\."))), one)
            for path, methods in inlined(document)["paths"].items()
            for method, one in methods.items()
        )

    async def check(answer: httpx.Response) -> None:
        await answer.aread()
        path = answer.request.url.raw_path.partition(b"?")[0].decode()
        for method, pattern, operation in _operations:
            if method == answer.request.method and pattern.fullmatch(path) and answer.status_code != 500:
                declared = operation["responses"].get(str(answer.status_code))
                assert declared, f"{method} {path} answered {answer.status_code}: not declared"
                headers = {*answer.headers} - TRANSPORT
                known = {name.lower(): header["required"] for name, header in declared["headers"].items()}
                assert headers <= known.keys(), f"{method} {path}: {headers - known.keys()} not declared"
                absent = {name for name, required in known.items() if required} - headers
                assert not absent, f"{method} {path}: {absent} not sent"
                kind = answer.headers.get("content-type", "").partition(";")[0]
                if kind.endswith("json"):
                    shape_of(declared["content"][kind]["schema"], _components).validate(answer.json())
                if answer.is_error:
                    codes = declared["content"]["application/problem+json"]["examples"]
                    assert answer.json()["code"] in codes, f"{method} {path}: {answer.json()['code']} not declared"

    return check


@contextmanager
def bound_to_loopback() -> Iterator[socket.socket]:
    """Reserve a free port, for an application that must know its address before it starts."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


@asynccontextmanager
async def listening(
    app: FastAPI, on: socket.socket | None = None, *, protocol: type[HeaderLimits] = HeaderLimits
) -> AsyncIterator[str]:
    """Run the application behind uvicorn, on a free port of the loopback unless one is given."""
    with nullcontext(on) if on else bound_to_loopback() as bound:
        server = uvicorn.Server(
            uvicorn.Config(app, http=protocol, lifespan="off", log_config=None, access_log=False)
        )
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            app.state.service.live.close()
            server.should_exit = True
            await serving
