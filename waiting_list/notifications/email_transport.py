"""Send e-mails: to a mail server (RFC 5321), or for development into a folder."""

import asyncio
import ipaddress
import os
import re
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from aiosmtplib import SMTP, SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPResponseException

from waiting_list.notifications.retry_policy import LONGEST_ANSWER, Attempt, Outcome, without_addresses
from waiting_list.settings import Settings

_IDLE_SECONDS = 30.0
"""How long to keep a connection for the next e-mail: less than servers wait before they drop one."""
_REST_SECONDS = 5.0
"""How long to wait before the next connection to a server that was out of reach."""
_PROBE_PART = 0.25
"""The part of a send's time limit in which a kept connection must answer a probe."""
_QUIT_SECONDS = 2.0
_OURS_TO_MEND = {530, 534, 535, 538}
"""Replies about our login (RFC 4954); servers also give them in place of a verdict on a recipient or message."""
_BAD_ADDRESS = re.compile(r"5\.[124]\.\d+\b")
"""A reply about the recipient's address, mailbox or host (RFC 3463). Some servers give it after the message."""
_ENHANCED = re.compile(r"5\.\d+\.\d+\b")
_NO_SUCH_MAILBOX = {550, 551, 553}
"""Replies about the mailbox (RFC 5321, 4.2.3), if an enhanced code does not tell more."""
_RELAY_DENIED = re.compile(r"5\.7\.\d+\b")
"""A reply about a recipient: this server does not send for us, or not to that address (RFC 3463)."""


class EmailTransport(Protocol):
    """A transport that sends e-mails."""

    async def send(self, message: EmailMessage) -> Attempt:
        """Try once. Return every failure as an attempt; raise only a cancellation."""

    async def close(self) -> None:
        """Close all connections. Call it only after the last `send` has returned."""


class _Verdict(NamedTuple):
    """How a send ended: as an Attempt, but for its duration."""

    outcome: Outcome
    status: int | None
    answer: str
    bad_address: bool = False


class _Resting(Exception):
    """The server was out of reach a moment ago; the text says why."""


class SmtpTransport:
    """Send e-mails through a mail server, over at most `smtp_connections` connections, and reuse these.

    With `starttls` or `tls`, the transport sends only encrypted, and only to a server whose certificate matches
    its name. The variables SSL_CERT_FILE and SSL_CERT_DIR replace the system's authorities. A send takes at most
    `smtp_timeout_seconds`, with the wait for a connection. After a failure to connect, sends that need a new
    connection fail at once for five seconds. So due e-mails do not pile up behind a server that is down.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        idle_seconds: float = _IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._tls = ssl.create_default_context() if settings.smtp_security != "none" else None
        self._slots = asyncio.Semaphore(settings.smtp_connections)
        self._idle: dict[SMTP, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._rests_until = 0.0
        self._failure = ""

    async def send(self, message: EmailMessage) -> Attempt:
        """Try once, and judge the failure.

        A reply of 4xx, a network failure, and a fault of this service (login, TLS, sender) may work later. A
        recipient or message that the server refuses with 5xx is dead.
        """
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._settings.smtp_timeout_seconds):
                outcome, status, answer, bad = await self._send(message)
        except TimeoutError:
            outcome, status, answer, bad = _retry(None, "The mail server took too long.")
        return Attempt(outcome, status, _plain(answer), round((time.perf_counter() - began) * 1000), bad)

    async def close(self) -> None:
        """Quit every kept connection."""
        for connection in list(self._idle):
            self._end(connection)
        while self._ending:
            await asyncio.gather(*self._ending)

    async def _send(self, message: EmailMessage) -> _Verdict:
        async with self._slots:
            try:
                connection = await self._kept() or await self._connected()
            except _Resting as rest:
                return _retry(None, str(rest))
            except SMTPResponseException as error:
                return _retry(_status(error), error.message)
            except (SMTPException, OSError, ValueError) as error:
                return _retry(None, _reason(error))
            try:
                answered = await _hand_over(connection, message)
            except BaseException:
                # Close also after a cancellation or time-out, because a late reply must not pass for the reply to
                # the next e-mail.
                connection.close()
                raise
            self._keep(connection)
            return answered

    async def _kept(self) -> SMTP | None:
        """Return a kept connection that still answers, the latest used first; None if there is none."""
        while self._idle:
            connection, timer = self._idle.popitem()
            timer.cancel()
            try:
                # Probe it, because servers drop idle connections, and firewalls forget them in silence.
                async with asyncio.timeout(self._settings.smtp_timeout_seconds * _PROBE_PART):
                    await connection.rset()
            except (SMTPException, OSError):  # a time-out is an OSError
                connection.close()
            except BaseException:
                connection.close()
                raise
            else:
                return connection
        return None

    async def _connected(self) -> SMTP:
        if self._clock() < self._rests_until:
            raise _Resting(self._failure)
        connection = self._new()
        try:
            await connection.connect()
        except BaseException as error:
            connection.close()
            # A cancellation counts too, because it nearly always comes from the time limit.
            self._rests_until = self._clock() + _REST_SECONDS
            self._failure = _reason(error) if isinstance(error, Exception) else "The mail server took too long."
            raise
        return connection

    def _new(self) -> SMTP:
        settings = self._settings
        password = settings.smtp_password
        return SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_username,
            password=password.get_secret_value() if password is not None else None,
            local_hostname=_helo_name(settings.public_url),
            timeout=None,
            use_tls=settings.smtp_security == "tls",
            start_tls=settings.smtp_security == "starttls",
            tls_context=self._tls,
        )

    def _keep(self, connection: SMTP) -> None:
        if connection.is_connected:
            loop = asyncio.get_running_loop()
            self._idle[connection] = loop.call_later(self._idle_seconds, self._end, connection)

    def _end(self, connection: SMTP) -> None:
        self._idle.pop(connection).cancel()
        ending = asyncio.create_task(_quit(connection))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


async def _quit(connection: SMTP) -> None:
    with suppress(SMTPException, OSError):
        async with asyncio.timeout(_QUIT_SECONDS):
            await connection.quit()
    connection.close()


async def _hand_over(connection: SMTP, message: EmailMessage) -> _Verdict:
    """Give the message to the server, and judge its replies."""
    sender, recipient = (message[header].addresses[0].addr_spec for header in ("From", "To"))
    try:
        # Bytes, because the library would wrap long addresses in the headers of a message.
        _, answer = await connection.sendmail(sender, recipient, message.as_bytes())
    except SMTPRecipientsRefused as refused:
        (error,) = refused.recipients
        return _retry(error.code, error.message) if _RELAY_DENIED.match(error.message) else _refused(error)
    except SMTPDataError as error:
        return _refused(error)
    except SMTPResponseException as error:
        # The server refuses the sender, or complains about something other than this message.
        return _retry(_status(error), error.message)
    except (SMTPException, OSError) as error:
        connection.close()
        return _retry(None, _reason(error))
    except ValueError as error:
        # SMTP cannot express the address.
        return _Verdict(Outcome.DEAD, None, _reason(error), bad_address=True)
    return _Verdict(Outcome.SENT, 250, answer)


def _refused(error: SMTPResponseException) -> _Verdict:
    """Judge a reply about the recipient or the message."""
    bad = _BAD_ADDRESS.match(error.message) or (
        error.code in _NO_SUCH_MAILBOX and not _ENHANCED.match(error.message)
    )
    return _Verdict(_judged(error.code), error.code, error.message, bool(bad) and error.code >= 500)


def _retry(status: int | None, answer: str) -> _Verdict:
    return _Verdict(Outcome.RETRY, status, answer)


def _judged(code: int) -> Outcome:
    return Outcome.DEAD if 500 <= code < 600 and code not in _OURS_TO_MEND else Outcome.RETRY


def _status(error: SMTPResponseException) -> int | None:
    """Return the reply's code; None if the answer is no reply."""
    return error.code if 200 <= error.code < 600 else None


def _reason(error: Exception) -> str:
    return str(getattr(error, "message", "")) or str(error) or type(error).__name__


def _plain(answer: str) -> str:
    """Return one line of printable characters, without addresses, cut to LONGEST_ANSWER."""
    printable = "".join(one if one.isprintable() else " " for one in answer)
    return without_addresses(" ".join(printable.split()))[:LONGEST_ANSWER]


def _helo_name(public_url: str) -> str:
    """Return this client's name for HELO: a name, or an address in brackets (RFC 5321, 4.1.3).

    It comes from the public URL, because looking up a machine without a name can take seconds.
    """
    host = urlsplit(public_url).hostname or "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.encode("idna").decode()
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"


class FolderTransport:
    """Write each e-mail to its own file in a folder, for development: `<instant>-<message id>.eml`.

    The transport makes the folder if needed. A file appears only when it is whole.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, message: EmailMessage) -> Attempt:
        """Write the file. A folder that refuses it is a failure that may pass."""
        began = time.perf_counter()
        try:
            answer, outcome = await asyncio.to_thread(self._write, message), Outcome.SENT
        except OSError as error:
            answer, outcome = f"Cannot write to the folder: {error.strerror}", Outcome.RETRY
        return Attempt(outcome, None, answer, round((time.perf_counter() - began) * 1000))

    async def close(self) -> None:
        """Return at once, because no file stays open."""

    def _write(self, message: EmailMessage) -> str:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        identifier = re.sub(r"[^A-Za-z0-9.@-]", "_", message["Message-ID"].strip("<>"))[:150]
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{identifier}.eml"
        unfinished = self._folder / f".{name}"
        unfinished.write_bytes(message.as_bytes())
        os.replace(unfinished, self._folder / name)
        return f"Written to {name}"


def open_email_transport(settings: Settings) -> EmailTransport | None:
    """Return the transport of this deployment; None if it sends no e-mails. A folder wins over a mail server."""
    if settings.mail_folder is not None:
        return FolderTransport(settings.mail_folder)
    if settings.smtp_host is not None:
        return SmtpTransport(settings)
    return None
