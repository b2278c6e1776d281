"""Sign and send webhook deliveries: only to the public Internet, within a time limit, whatever the receiver
answers."""

import asyncio
import base64
import hashlib
import hmac
import os
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from waiting_list import __version__
from waiting_list.notifications.public_address import is_public_host
from waiting_list.notifications.retry_policy import LONGEST_ANSWER, Attempt, Outcome
from waiting_list.notifications.send_batch import CONNECTIONS_PER_HOST
from waiting_list.settings import Settings

log = structlog.get_logger(__name__)

CONNECTIONS = 200
"""The most connections to all receivers."""
# Less than five seconds, after which many servers close an idle connection and a delivery would fail.
_IDLE_SECONDS = 4
_ADDRESSES = 16
_RECEIVE_BUFFER = 16_384
_LONGEST_READ = 4 * LONGEST_ANSWER


def signature_headers(notice_id: UUID, body: bytes, *, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """Return the headers that sign a delivery, by the Standard Webhooks specification: one signature for each
    secret (`whsec_` and base64), so that a receiver may change to the new secret at any moment while two are
    valid."""
    timestamp = int(at.timestamp())
    signed = b"%s.%d.%s" % (str(notice_id).encode(), timestamp, body)
    keys = (base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets)
    signatures = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": str(notice_id),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def tls_context() -> ssl.SSLContext:
    """Return the TLS settings of all deliveries. This reads the certificates of the system, which takes 20 ms."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class WebhookClient:
    """Send deliveries, over connections that the whole process shares.

    Make it inside the running event loop; `close` ends it.

    Unless the settings allow private addresses (for development), it speaks https only, and only to addresses of
    the public Internet. It follows no redirect, keeps no cookie and uses no proxy.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        resolver: AbstractResolver | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._seconds = settings.webhook_timeout_seconds
        self._guarded = not settings.webhook_private_addresses
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=context or tls_context(),
                limit=CONNECTIONS,
                limit_per_host=CONNECTIONS_PER_HOST,
                keepalive_timeout=_IDLE_SECONDS,
                resolver=_FewAddresses(resolver or aiohttp.ThreadedResolver()),
                socket_factory=self._open,
            ),
            headers={
                "Content-Type": "application/json",
                "User-Agent": f"waiting-list/{__version__}",
                "Accept-Encoding": "identity",
            },
            cookie_jar=aiohttp.DummyCookieJar(),
            # `_exchange` has the time limit, because aiohttp would round it up to a whole second.
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
            # A compressed answer stays compressed, because it may be a bomb.
            auto_decompress=False,
        )

    async def post(self, url: str, *, notice_id: UUID, body: str, secrets: Sequence[str], at: datetime) -> Attempt:
        """Try once to deliver the JSON text `body`, signed as sent at that instant.

        2xx is SENT, 410 is DEAD (the receiver is gone for good), everything else RETRY. It takes
        `webhook_timeout_seconds` at most, with the wait for a free connection. A status counts once it has come,
        even if the rest of the answer fails. It raises no failure of the receiver or the network.
        """
        sent = body.encode()
        return await self.send(url, sent, signature_headers(notice_id, sent, secrets=secrets, at=at))

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Attempt:
        """Try once to deliver any body, as `post` does."""
        started = time.monotonic()
        status, answer = await self._exchange(url, body, headers)
        latency_ms = round((time.monotonic() - started) * 1000)
        return Attempt(_outcome(status), status, _shown(answer), latency_ms)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def _exchange(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int | None, str]:
        """Return the status and the beginning of the text of the answer; or None, and why there is no answer."""
        status = None
        kept = bytearray()
        try:
            address = URL(url)
            if address.scheme != "https" and (self._guarded or address.scheme != "http"):
                return None, "only https is allowed"
            async with (
                asyncio.timeout(self._seconds),
                self._session.post(address, data=body, headers=headers, allow_redirects=False) as response,
            ):
                status = response.status
                # The unread rest goes with the connection.
                while part := await response.content.read(_LONGEST_READ - len(kept)):
                    kept += part
        except Exception as error:
            if status is None:
                return None, _reason(error, self._seconds)
        # Always UTF-8, so that the receiver cannot choose the decoder.
        return status, kept.decode(errors="replace")

    def _open(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """Return a socket for the address to connect to. Raises _NotAllowed if the address is not public.

        All connections pass through here, after the last look-up of a name. aiohttp 3.14, on asyncio or uvloop,
        calls it for a host that is written as an address, and for each address of a name, before it sends any
        packet; then it connects to that very address. A connection that is used again passed here when it was
        made, and still leads to the same address. tests/notifications/test_public_address.py checks that aiohttp
        keeps to this.
        """
        family, kind, protocol, _, (host, *_) = info
        if self._guarded and not is_public_host(str(host)):
            # An OSError, so that the other addresses of the name are tried.
            raise _NotAllowed(f"the address {host} is not allowed")
        opened = socket.socket(family, kind, protocol)
        # Answers are short. A receiver that floods a larger buffer would keep the parser busy 0.8 s at a time,
        # with this 0.03.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        return opened


class _FewAddresses(AbstractResolver):
    """Look names up, and return the first addresses of each.

    aiohttp tries n addresses in n² steps, so a name with a thousand of them would keep a processor busy until the
    time limit.
    """

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return (await self._resolver.resolve(host, port, family))[:_ADDRESSES]

    async def close(self) -> None:
        await self._resolver.close()


class _NotAllowed(OSError):
    """An address that is not public."""


def _outcome(status: int | None) -> Outcome:
    if status is not None and 200 <= status <= 299:
        return Outcome.SENT
    return Outcome.DEAD if status == 410 else Outcome.RETRY


def _shown(text: str) -> str:
    """Return the part of a text to store: one line without controls, of LONGEST_ANSWER characters at most."""
    return "".join(filter(str.isprintable, " ".join(text.split())))[:LONGEST_ANSWER]


def _reason(error: Exception, seconds: float) -> str:
    """Return why there is no answer, for the operator of the receiver."""
    match error:
        case TimeoutError():
            reason = f"no answer within {seconds:g} s"
        case aiohttp.ClientConnectorDNSError():
            reason = "no such host"
        case aiohttp.ClientConnectorCertificateError(certificate_error=ssl.SSLCertVerificationError() as cause):
            reason = f"the certificate is not valid: {cause.verify_message}"
        case aiohttp.ClientConnectorCertificateError():
            reason = "the certificate is not valid"
        case aiohttp.ClientSSLError():
            reason = "no TLS connection"
        case aiohttp.ClientConnectorError(os_error=_NotAllowed() as cause):
            reason = str(cause)
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            reason = "connection refused"
        case aiohttp.ClientConnectorError(os_error=cause):
            reason = f"no connection: {os.strerror(cause.errno) if cause.errno else cause}"
        case aiohttp.ServerDisconnectedError() | OSError():
            reason = "the connection was closed before an answer"
        case aiohttp.InvalidURL() | ValueError():
            reason = "not a web address"
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            reason = "the answer is not HTTP"
        case _:
            log.warning("webhook_post_failed", error=repr(error), exc_info=error)
            reason = "the delivery failed"
    return reason
