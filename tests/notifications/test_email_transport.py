"""Sending e-mails to real servers on the loopback: every kind of connection, and every failure."""

import asyncio
import ipaddress
import re
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.policy import default
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from waiting_list.lists.events import EmailKind
from waiting_list.notifications.email_examples import example_context
from waiting_list.notifications.email_rendering import EmailRenderer
from waiting_list.notifications.email_transport import (
    EmailTransport,
    FolderTransport,
    SmtpTransport,
    open_email_transport,
)
from waiting_list.notifications.retry_policy import LONGEST_ANSWER, Attempt, Outcome
from waiting_list.settings import Settings

LIMIT = 10
"""Seconds in which whatever is awaited must happen."""


def mail() -> EmailMessage:
    """An e-mail as fans get it."""
    context = example_context(EmailKind.READY, locale="fr")
    return EmailRenderer(Settings(public_url="https://queue.example")).render(
        EmailKind.READY, context, notice_id=uuid4()
    )


@dataclass
class Server:
    """What a mail server saw, and what it is to answer."""

    refusals: dict[str, str] = field(default_factory=dict)
    """What is answered instead of OK, by command."""
    messages: list[bytes] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    helos: set[str] = field(default_factory=set)
    users: list[str] = field(default_factory=list)
    open: set["Connection"] = field(default_factory=set)
    opened: int = 0
    most: int = 0
    said_goodbye: int = 0
    waits: asyncio.Event | None = None
    """DATA is answered once this is set."""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """DATA was sent."""
    empty: asyncio.Event = field(default_factory=asyncio.Event)
    """The last connection is gone."""
    port: int = 0

    async def handle_EHLO(self, _server: Any, session: Any, _: Any, name: str, lines: list[str]) -> list[str]:  # noqa: N802
        session.host_name = name
        self.helos.add(name)
        return lines

    async def handle_MAIL(self, _server: Any, _: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        envelope.mail_from = address
        return self.refusals.get("MAIL", "250 OK")

    async def handle_RCPT(self, _server: Any, _: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        envelope.rcpt_tos.append(address)
        return self.refusals.get("RCPT", "250 OK")

    async def handle_DATA(self, server: Any, _: Any, envelope: Any) -> str:  # noqa: N802
        self.reached.set()
        if self.waits is not None:
            await self.waits.wait()
        if "DATA" in self.refusals:
            return self.refusals["DATA"]
        self.messages.append(envelope.content)
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        return f"250 Taken as {len(self.messages)}"

    async def handle_QUIT(self, *_: Any) -> str:  # noqa: N802
        self.said_goodbye += 1
        return "221 Bye"

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.users.append(data.login.decode())
        return AuthResult(success=data.password == b"sesame", handled=False)


class Connection(SMTP):
    """One connection to it."""

    server: ClassVar[Server]

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if self not in self.server.open:  # STARTTLS makes it anew
            self.server.open.add(self)
            self.server.opened += 1
            self.server.most = max(self.server.most, len(self.server.open))
            self.server.empty.clear()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if self.transport is None or self.transport.is_closing():
            self.server.open.discard(self)
            if not self.server.open:
                self.server.empty.set()


@asynccontextmanager
async def serving(server: Server, *, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Server]:
    """A server on a free port of the loopback."""
    kind = type("Connection", (Connection,), {"server": server})
    options = {
        "auth_require_tls": False,
        "authenticator": server.authenticate,
        "loop": asyncio.get_running_loop(),
    } | options
    listening = await asyncio.get_running_loop().create_server(
        lambda: kind(server, **options), "127.0.0.1", 0, ssl=tls
    )
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for connection in list(server.open):
            connection.transport.abort()


@asynccontextmanager
async def raw(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]],
) -> AsyncIterator[Server]:
    """A server that does what `talk` does, with the number of the connection, from 1."""
    server = Server()
    talks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.opened += 1
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await talk(reader, writer, server.opened)
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in talks:
            task.cancel()


def settings(server: Server, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "smtp_host": "127.0.0.1",
        "smtp_port": server.port,
        "smtp_security": "none",
        "public_url": "https://queue.example",
    }
    return Settings(**(values | changes))


@asynccontextmanager
async def transport(configured: Settings, **options: Any) -> AsyncIterator[SmtpTransport]:
    made = SmtpTransport(configured, **options)
    try:
        yield made
    finally:
        await asyncio.wait_for(made.close(), LIMIT)


async def send(transport: EmailTransport, message: EmailMessage | None = None) -> Attempt:
    return await asyncio.wait_for(transport.send(message or mail()), LIMIT)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that nobody has signed but itself, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return file, context


@pytest.fixture
def trusted(certificate: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The same, known to whoever asks now."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    return certificate[1]


async def test_an_e_mail_arrives_as_it_was_written() -> None:
    async with serving(Server()) as server, transport(settings(server)) as opened:
        message = mail()
        attempt = await send(opened, message)
        assert attempt[:3] == (Outcome.SENT, 250, "Taken as 1")
        assert 0 <= attempt.latency_ms < LIMIT * 1000
        assert server.messages == [message.as_bytes()]
        assert server.envelopes == [("waiting-list@localhost", ["ada@example.org"])]
        assert server.helos == {"queue.example"}


async def test_lines_that_begin_with_a_dot_arrive() -> None:
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"], message["To"] = "quay@example.org", "ada@example.org"
    message.set_content(".\n..\n.hidden\n", cte="7bit")
    async with serving(Server()) as server, transport(settings(server)) as opened:
        assert (await send(opened, message)).outcome is Outcome.SENT
        assert server.messages[0].endswith(b"\r\n\r\n.\r\n..\r\n.hidden\r\n")


async def test_starttls_and_tls_encrypt_the_login_and_all_that_follows(trusted: ssl.SSLContext) -> None:
    login = {"smtp_username": "quay", "smtp_password": "sesame"}
    async with (
        serving(Server(), tls_context=trusted, require_starttls=True, auth_require_tls=True) as server,
        transport(settings(server, smtp_security="starttls", **login)) as opened,
    ):
        assert (await send(opened)).outcome is Outcome.SENT
        assert (server.encrypted, server.users) == ([True], ["quay"])
    async with (
        serving(Server(), tls=trusted) as server,
        transport(settings(server, smtp_security="tls", **login)) as opened,
    ):
        assert [(await send(opened)).outcome for _ in range(2)] == [Outcome.SENT] * 2
        assert (server.opened, server.encrypted, server.users) == (1, [True, True], ["quay"])


async def test_a_server_that_offers_no_starttls_gets_nothing(trusted: ssl.SSLContext) -> None:
    async with (
        serving(Server()) as server,
        transport(settings(server, smtp_security="starttls", smtp_username="a", smtp_password="sesame")) as opened,
    ):
        attempt = await send(opened)
        assert (attempt.outcome, attempt.status) == (Outcome.RETRY, None)
        assert "STARTTLS" in attempt.answer
        assert (server.messages, server.users) == ([], [])


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_certificate_that_is_not_good_for_the_server_gets_nothing(
    certificate: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch, security: str, host: str
) -> None:
    if host == "localhost":  # the authority is known, but the name is not the server's
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    options: dict[str, Any] = {"tls": certificate[1]} if security == "tls" else {"tls_context": certificate[1]}
    async with (
        serving(Server(), **options) as server,
        transport(settings(server, smtp_security=security, smtp_host=host)) as opened,
    ):
        attempt = await send(opened)
        assert (attempt.outcome, attempt.status) == (Outcome.RETRY, None)
        assert "certificate verify failed" in attempt.answer
        assert (server.messages, server.users) == ([], [])


async def test_a_login_that_is_refused_is_ours_to_mend() -> None:
    async with (
        serving(Server()) as server,
        transport(settings(server, smtp_username="quay", smtp_password="wrong")) as opened,
    ):
        attempt = await send(opened)
        assert (attempt.outcome, attempt.status) == (Outcome.RETRY, 535)
        assert server.messages == []


@pytest.mark.parametrize(
    ("command", "reply", "outcome"),
    [
        ("RCPT", "450 Mailbox busy", Outcome.RETRY),
        ("RCPT", "550 5.1.1 No such user", Outcome.DEAD),
        ("RCPT", "553 Bad mailbox", Outcome.DEAD),
        ("RCPT", "554 5.7.1 Relay access denied", Outcome.RETRY),
        ("RCPT", "530 5.7.0 Authentication required", Outcome.RETRY),
        ("DATA", "451 Try later", Outcome.RETRY),
        ("DATA", "554 5.6.0 This is spam", Outcome.DEAD),
        ("DATA", "554 5.7.1 This is spam", Outcome.DEAD),
        ("DATA", "530 Log in first", Outcome.RETRY),
        ("MAIL", "451 Try later", Outcome.RETRY),
        ("MAIL", "550 5.1.8 Sender unknown", Outcome.RETRY),
    ],
)
async def test_what_a_server_refuses_is_tried_again_or_given_up(
    command: str, reply: str, outcome: Outcome
) -> None:
    async with serving(Server({command: reply})) as server, transport(settings(server)) as opened:
        assert (await send(opened))[:3] == (outcome, int(reply[:3]), reply[4:])
        # The connection is good for the next, which is not taken for part of this one.
        server.refusals.clear()
        assert (await send(opened)).outcome is Outcome.SENT
        assert (server.opened, server.envelopes[0][1]) == (1, ["ada@example.org"])


async def test_an_answer_is_one_line_of_bounded_length() -> None:
    reply = "550-first\x07\r\n550 second \x1b[31m" + "x" * 2000
    async with serving(Server({"RCPT": reply})) as server, transport(settings(server)) as opened:
        attempt = await send(opened)
        assert attempt.answer.startswith("first second [31mxxx")
        assert len(attempt.answer) == LONGEST_ANSWER
        assert attempt.answer.isprintable()


async def test_a_server_that_is_too_busy_for_a_greeting_is_tried_again_later() -> None:
    async def busy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(b"554 Not today\r\n" if number == 1 else b"nonsense\r\n")
        await writer.drain()
        await reader.read()

    now = 0.0
    async with raw(busy) as server, transport(settings(server), clock=lambda: now) as opened:
        assert (await send(opened))[:3] == (Outcome.RETRY, 554, "Not today")
        now = 100.0
        attempt = await send(opened)
        assert (attempt.outcome, attempt.status) == (Outcome.RETRY, None)


async def test_many_at_once_share_a_few_connections() -> None:
    async with serving(Server()) as server, transport(settings(server, smtp_connections=3)) as opened:
        messages = [mail() for _ in range(60)]
        attempts = await asyncio.wait_for(asyncio.gather(*map(opened.send, messages)), 60)
        assert {attempt.outcome for attempt in attempts} == {Outcome.SENT}
        assert (server.opened, server.most) == (3, 3)
        assert sorted(server.messages) == sorted(message.as_bytes() for message in messages)


async def test_a_connection_that_the_server_dropped_is_no_failed_try() -> None:
    async with serving(Server()) as server, transport(settings(server)) as opened:
        assert (await send(opened)).outcome is Outcome.SENT
        (connection,) = server.open
        connection.transport.abort()  # the client cannot have noticed yet
        assert (await send(opened)).outcome is Outcome.SENT
        assert (len(server.messages), server.opened) == (2, 2)


async def test_a_connection_that_no_longer_answers_is_no_failed_try() -> None:
    async def forget_the_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(b"220 ready\r\n")
        in_data = False
        while line := await reader.readline():
            if in_data:
                if line != b".\r\n":
                    continue
                in_data = False
            elif line.startswith(b"DATA"):
                in_data = True
            elif line.startswith(b"RSET") and number == 1:
                await reader.read()
                return
            writer.write(b"354 go on\r\n" if in_data else b"250 OK\r\n")

    async with raw(forget_the_first) as server, transport(settings(server, smtp_timeout_seconds=2)) as opened:
        assert (await send(opened)).outcome is Outcome.SENT
        assert (await send(opened)).outcome is Outcome.SENT
        assert server.opened == 2


async def test_a_connection_is_let_go_when_nothing_is_sent_for_a_while() -> None:
    async with serving(Server()) as server, transport(settings(server), idle_seconds=0.02) as opened:
        assert (await send(opened)).outcome is Outcome.SENT
        await asyncio.wait_for(server.empty.wait(), LIMIT)
        assert server.said_goodbye == 1
        assert (await send(opened)).outcome is Outcome.SENT


async def test_a_connection_that_is_in_use_again_is_not_let_go() -> None:
    wrong: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    async with serving(Server()) as server, transport(settings(server), idle_seconds=0.05) as opened:
        assert (await send(opened)).outcome is Outcome.SENT
        server.reached.clear()
        server.waits = asyncio.Event()
        loop.set_exception_handler(lambda _, context: wrong.append(context))
        try:
            sending = asyncio.create_task(send(opened))
            await asyncio.wait_for(server.reached.wait(), LIMIT)
            loop.call_later(0.06, server.waits.set)  # when it would have been let go
            assert (await sending).outcome is Outcome.SENT
        finally:
            loop.set_exception_handler(None)
        assert (wrong, server.opened) == ([], 1)


async def test_closing_says_goodbye_on_every_connection() -> None:
    async with serving(Server()) as server:
        async with transport(settings(server, smtp_connections=3)) as opened:
            await asyncio.gather(*(send(opened) for _ in range(6)))
            assert len(server.open) == 3
        await asyncio.wait_for(server.empty.wait(), LIMIT)
        assert server.said_goodbye == 3


async def test_a_server_that_is_down_fails_at_once_and_is_left_alone_for_a_moment() -> None:
    async with serving(Server()) as server:
        pass
    now = 0.0
    async with transport(settings(server), clock=lambda: now) as opened:
        began = time.monotonic()
        attempts = await asyncio.gather(*(send(opened) for _ in range(200)))
        assert time.monotonic() - began < 5
        assert {(attempt.outcome, attempt.status) for attempt in attempts} == {(Outcome.RETRY, None)}
        assert all(f"port {server.port}" in attempt.answer for attempt in attempts)


async def test_a_server_that_never_greets_costs_one_wait_and_is_tried_again_after_a_rest() -> None:
    greets = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        if greets.is_set():
            writer.write(b"421 closing\r\n")
            return
        await reader.read()

    now = 0.0
    async with (
        raw(hang) as server,
        transport(settings(server, smtp_timeout_seconds=0.3), clock=lambda: now) as opened,
    ):
        began = time.monotonic()
        attempts = await asyncio.gather(*(send(opened) for _ in range(20)))
        assert 0.3 <= time.monotonic() - began < 2
        too_late = (Outcome.RETRY, None, "The mail server took too long.")
        assert {attempt[:3] for attempt in attempts} == {too_late}
        assert server.opened <= 4
        assert attempts[0].latency_ms >= 300
        opened_before = server.opened
        now = 4.9
        resting = await send(opened)
        assert resting[:3] == too_late
        assert resting.latency_ms < 300
        assert server.opened == opened_before
        greets.set()
        now = 5.1
        assert (await send(opened)).status == 421


async def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_ones() -> None:
    async with (
        serving(Server()) as server,
        transport(settings(server, smtp_timeout_seconds=0.3, smtp_connections=1)) as opened,
    ):
        server.waits = asyncio.Event()
        assert (await send(opened))[:2] == (Outcome.RETRY, None)
        server.waits.set()
        server.waits = None
        server.refusals["RCPT"] = "550 no"
        assert (await send(opened))[:3] == (Outcome.DEAD, 550, "no")


async def test_a_cancelled_send_leaves_no_connection_behind() -> None:
    async with serving(Server()) as server, transport(settings(server, smtp_connections=1)) as opened:
        server.waits = asyncio.Event()
        sending = asyncio.create_task(opened.send(mail()))
        await asyncio.wait_for(server.reached.wait(), LIMIT)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        server.waits.set()
        await asyncio.wait_for(server.empty.wait(), LIMIT)
        server.waits = None
        assert (await send(opened)).outcome is Outcome.SENT
        assert server.opened == 2


async def test_a_server_that_goes_away_in_the_middle_is_tried_again() -> None:
    async with serving(Server()) as server, transport(settings(server)) as opened:
        server.waits = asyncio.Event()
        sending = asyncio.create_task(send(opened))
        await asyncio.wait_for(server.reached.wait(), LIMIT)
        for connection in list(server.open):
            connection.transport.abort()
        attempt = await sending
        assert (attempt.outcome, attempt.status) == (Outcome.RETRY, None)
        assert attempt.answer


@pytest.mark.parametrize(
    ("public_url", "name"),
    [
        ("http://127.0.0.1:8000", "[127.0.0.1]"),
        ("http://[::1]", "[IPv6:::1]"),
        ("https://Bücher.example", "xn--bcher-kva.example"),
    ],
)
async def test_the_client_says_who_it_is(public_url: str, name: str) -> None:
    async with serving(Server()) as server, transport(settings(server, public_url=public_url)) as opened:
        assert (await send(opened)).outcome is Outcome.SENT
        assert server.helos == {name}


async def test_an_address_that_cannot_be_said_in_smtp_is_given_up() -> None:
    message = mail()
    del message["To"]
    message["To"] = "é@example.org"
    async with serving(Server()) as server, transport(settings(server)) as opened:
        assert (await send(opened, message)).outcome is Outcome.DEAD
        assert (await send(opened)).outcome is Outcome.SENT
        assert len(server.messages) == 1


# A folder.


async def test_a_folder_gets_one_whole_file_an_e_mail(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "mail"
    opened = FolderTransport(folder)
    messages = [mail() for _ in range(20)]
    attempts = await asyncio.gather(*map(opened.send, messages))
    await opened.close()
    assert {attempt.outcome for attempt in attempts} == {Outcome.SENT}
    names = sorted(path.name for path in folder.iterdir())
    assert all(re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f-]{36}@queue\.example\.eml", name) for name in names)
    assert {attempt.answer for attempt in attempts} == {f"Written to {name}" for name in names}
    written = sorted((folder / name).read_bytes() for name in names)
    assert written == sorted(message.as_bytes() for message in messages)


async def test_no_message_id_leads_out_of_the_folder(tmp_path: Path) -> None:
    message = message_from_bytes(b"Message-ID: <../../x/\\..>\r\nTo: a@b\r\n\r\n", policy=default)
    attempt = await FolderTransport(tmp_path / "mail").send(message)
    assert attempt.outcome is Outcome.SENT
    assert [path.parent for path in tmp_path.rglob("*.eml")] == [tmp_path / "mail"]


async def test_a_folder_that_cannot_be_written_may_be_mended(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    attempt = await FolderTransport(tmp_path / "file" / "mail").send(mail())
    assert (attempt.outcome, attempt.status) == (Outcome.RETRY, None)
    assert attempt.answer == "Cannot write to the folder: Not a directory"


def test_where_e_mails_go_is_what_the_settings_say(tmp_path: Path) -> None:
    assert open_email_transport(Settings()) is None
    assert isinstance(open_email_transport(Settings(smtp_host="127.0.0.1")), SmtpTransport)
    assert isinstance(open_email_transport(Settings(smtp_host="127.0.0.1", mail_folder=tmp_path)), FolderTransport)
