"""Run receivers of webhooks on loopback, with any answer that a test wants, and make certificates for them."""

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from waiting_list.notifications.retry_policy import Attempt
from waiting_list.notifications.webhook_client import WebhookClient
from waiting_list.notifications.webhooks import webhook_secret
from waiting_list.settings import Settings

NOTICE = UUID("0f8b9c1e-5a53-5b8e-9d6a-2f3c4d5e6f70")
BODY = '{"type":"webhook.test","timestamp":"2030-01-31T20:00:00+00:00","data":{"message":"Un café ?"}}'
SECRET = webhook_secret(b"deployment", "wh_1", 1)
NEXT_SECRET = webhook_secret(b"deployment", "wh_1", 2)

Answer = bytes | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Receiver:
    """The connections to a receiver, and the requests as head and body. Use `receiving`."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.connections = 0
        self.requests: list[tuple[str, bytes]] = []
        self.port = 0

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of the last request, with names in lower case."""
        lines = self.requests[-1][0].split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer each request of a connection."""
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(line for line in head.split("\r\n") if line.startswith("Content-Length: "))
                self.requests.append((head, await reader.readexactly(int(length.split()[1]))))
                if isinstance(self._answer, bytes):
                    writer.write(self._answer)
                    await writer.drain()
                    if b"Content-Length" in self._answer:
                        continue
                else:
                    await self._answer(reader, writer)
                break
        writer.close()


@contextlib.asynccontextmanager
async def receiving(answer: Answer, *, context: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Run a receiver that answers each request with these bytes, or with a function that writes to the connection.

    Bytes with a `Content-Length` keep the connection open for the next request.
    """
    receiver = Receiver(answer)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=context)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


def status(code: int, text: str = "") -> bytes:
    """Return a whole answer with this status."""
    return f"HTTP/1.1 {code} Said\r\nContent-Length: {len(text.encode())}\r\n\r\n{text}".encode()


@contextlib.asynccontextmanager
async def webhook_client(*, seconds: float = 10.0) -> AsyncIterator[WebhookClient]:
    """Make a client that may reach loopback."""
    client = WebhookClient(Settings(webhook_private_addresses=True, webhook_timeout_seconds=seconds))
    try:
        yield client
    finally:
        await client.close()


async def delivered(
    client: WebhookClient,
    url: str,
    *,
    body: str = BODY,
    notice_id: UUID = NOTICE,
    secrets: Sequence[str] = (SECRET,),
    at: datetime.datetime | None = None,
) -> Attempt:
    """Try one delivery, at once unless `at` is given. It takes less than half a minute in any case."""
    async with asyncio.timeout(30):
        at = at or datetime.datetime.now(datetime.UTC)
        return await client.post(url, notice_id=notice_id, body=body, secrets=secrets, at=at)


class Authority:
    """An authority that signs certificates. `file` has its own certificate."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self._folder = folder
        self.file = folder / f"{name}.pem"
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        own = self._builder(self._name, self._key, days=1).add_extension(constraints, critical=True)
        self.file.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def context(self, host: str, *, days: int = 1) -> ssl.SSLContext:
        """Return a TLS context with a certificate for this host, valid for this many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver")])
        builder = self._builder(subject, key, days=days)
        builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=False)
        chain = self._folder / f"{host}-{days}.pem"
        chain.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: int
    ) -> x509.CertificateBuilder:
        begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + datetime.timedelta(days=2 + days))
        )
