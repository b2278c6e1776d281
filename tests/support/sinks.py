"""Run a real SMTP server and a real HTTP server on loopback, which store what they receive."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiohttp import web
from aiosmtpd.controller import Controller

from tests.support.ports import free_port


@dataclass
class Mailbox:
    """All messages that a mail server took. `answers` has its replies to the next messages, then `250 OK`.

    `refused` has its replies to recipients that it does not take.
    """

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            message = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            self.messages.append(message)
        return answer

    @property
    def subjects(self) -> list[str]:
        return [message["Subject"] for message in self.messages]


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """Run a mail server in its own thread."""
    mailbox = Mailbox(free_port())  # the controller cannot choose one itself
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, server_hostname="mail.example")
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


@dataclass
class Receiver:
    """All requests to a webhook. `answers` has the next statuses, then it answers 204.

    It answers no request while `gate` is closed.
    """

    url: str = ""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    seconds: float = 0.0
    """How long each answer takes."""
    echoes: bool = False
    """Whether an answer says what was sent."""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append((dict(request.headers), body))
        await self.gate.wait()
        await asyncio.sleep(self.seconds)
        status = self.answers.pop(0) if self.answers else 204
        return web.Response(status=status, text=body.decode() if self.echoes else "")

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.requests]


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """Run a receiver of webhooks."""
    sink = Receiver()
    sink.gate.set()
    application = web.Application()
    application.router.add_post("/hook", sink.handle)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        sink.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        yield sink
    finally:
        sink.gate.set()
        await runner.cleanup()
