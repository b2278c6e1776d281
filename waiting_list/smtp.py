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
from typing import Protocol
from urllib.parse import urlsplit

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from waiting_list.attempts import LONGEST_ANSWER, Attempt, Outcome, without_addresses
from waiting_list.settings import Settings

_IDLE_SECONDS = 30.0
"""How long a connection is kept for the next e-mail: less than servers wait before they drop one."""
_REST_SECONDS = 5.0
"""How long to wait before the next connection to a server that could not be reached."""
_PROBE_PART = 0.25
"""The part of a send's time in which a kept connection must show that it lives."""
_QUIT_SECONDS = 2.0
_OURS_TO_MEND = {530, 534, 535, 538}
"""Replies about how we log in (RFC 4954), also where a recipient or a message was expected to be judged."""
_RELAY_DENIED = re.compile(r"5\.7\.\d+\b")
"""Of a recipient: this server does not send for us, or not there (RFC 3463)."""


class EmailTransport(Protocol):
    """Where e-mails go."""

    async def send(self, message: EmailMessage) -> Attempt:
        """Try once. Return every failure as an attempt; raise only a cancellation."""

    async def close(self) -> None:
        """Close what is open. No e-mail may be under way."""


class _Resting(Exception):
    """The server could not be reached a moment ago; the text says why."""


class SmtpTransport:
    """Sends through a mail server, over at most `smtp_connections` connections, kept for the next e-mail.

    With `starttls` or `tls` nothing is ever sent unencrypted, nor to a server whose certificate is not good for
    its name; the variables SSL_CERT_FILE and SSL_CERT_DIR name other authorities than the system's. A send takes
    `smtp_timeout_seconds` at most, the wait for a connection included. After a failure to connect, sends that
    would need a new connection fail at once for five seconds: what is due does not pile up behind a server that is
    down.
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
        """Try once. A reply of 4xx, a failure of the network, and a fault of ours (login, TLS, sender) may work
        later; a recipient or a message that the server refuses with 5xx never will."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._settings.smtp_timeout_seconds):
                outcome, status, answer = await self._send(message)
        except TimeoutError:
            outcome, status, answer = Outcome.RETRY, None, "The mail server took too long."
        return Attempt(outcome, status, _plain(answer), round((time.perf_counter() - began) * 1000))

    async def close(self) -> None:
        """Quit every connection that is kept."""
        for connection in list(self._idle):
            self._end(connection)
        while self._ending:
            await asyncio.gather(*self._ending)

    async def _send(self, message: EmailMessage) -> tuple[Outcome, int | None, str]:
        async with self._slots:
            try:
                connection = await self._kept() or await self._connected()
            except _Resting as rest:
                return Outcome.RETRY, None, str(rest)
            except SMTPResponseException as error:
                return Outcome.RETRY, _status(error), error.message
            except (SMTPException, OSError, ValueError) as error:
                return Outcome.RETRY, None, _reason(error)
            try:
                answered = await _hand_over(connection, message)
            except BaseException:
                # Also when cancelled or too late: what the server may yet answer must not be taken for the
                # answer to the next e-mail.
                connection.close()
                raise
            self._keep(connection)
            return answered

    async def _kept(self) -> SMTP | None:
        """Return a kept connection that still lives, the latest used first; None if there is none."""
        while self._idle:
            connection, timer = self._idle.popitem()
            timer.cancel()
            try:
                # Servers drop what is idle, and firewalls forget it without a word.
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
            # A cancellation is the time limit's nearly always, and then says as much about the server.
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


async def _hand_over(connection: SMTP, message: EmailMessage) -> tuple[Outcome, int | None, str]:
    """Hand the message to the server, and judge its replies."""
    sender, recipient = (message[header].addresses[0].addr_spec for header in ("From", "To"))
    try:
        # The message makes its own bytes: the library would wrap long addresses in headers.
        _, answer = await connection.sendmail(sender, recipient, message.as_bytes())
    except SMTPRecipientsRefused as refused:
        (error,) = refused.recipients
        for_us = bool(_RELAY_DENIED.match(error.message))
        return (Outcome.RETRY if for_us else _judged(error.code)), error.code, error.message
    except SMTPDataError as error:
        return _judged(error.code), error.code, error.message
    except SMTPResponseException as error:
        # The sender is refused, or something that has nothing to do with this message.
        return Outcome.RETRY, _status(error), error.message
    except (SMTPException, OSError) as error:
        connection.close()
        return Outcome.RETRY, None, _reason(error)
    except ValueError as error:
        return Outcome.DEAD, None, _reason(error)  # an address that cannot be said in SMTP
    return Outcome.SENT, 250, answer


def _judged(code: int) -> Outcome:
    return Outcome.DEAD if 500 <= code < 600 and code not in _OURS_TO_MEND else Outcome.RETRY


def _status(error: SMTPResponseException) -> int | None:
    """The reply's code; none if what was answered is no reply."""
    return error.code if 200 <= error.code < 600 else None


def _reason(error: Exception) -> str:
    return str(getattr(error, "message", "")) or str(error) or type(error).__name__


def _plain(answer: str) -> str:
    """Return one line of printable characters, without addresses, cut to LONGEST_ANSWER."""
    printable = "".join(one if one.isprintable() else " " for one in answer)
    return without_addresses(" ".join(printable.split()))[:LONGEST_ANSWER]


def _helo_name(public_url: str) -> str:
    """How this client calls itself: a name, or an address in brackets (RFC 5321, 4.1.3). It is not looked up: on
    a machine without a name of its own that can take seconds."""
    host = urlsplit(public_url).hostname or "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.encode("idna").decode()
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"


class FolderTransport:
    """Writes each e-mail to a file of its own in a folder, which is made if need be: `<instant>-<message id>.eml`.
    A file is there whole, or not at all. For development."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, message: EmailMessage) -> Attempt:
        """Write the file. A folder that cannot be written is a failure that may pass."""
        began = time.perf_counter()
        try:
            answer, outcome = await asyncio.to_thread(self._write, message), Outcome.SENT
        except OSError as error:
            answer, outcome = f"Cannot write to the folder: {error.strerror}", Outcome.RETRY
        return Attempt(outcome, None, answer, round((time.perf_counter() - began) * 1000))

    async def close(self) -> None:
        """Nothing is open."""

    def _write(self, message: EmailMessage) -> str:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        identifier = re.sub(r"[^A-Za-z0-9.@-]", "_", message["Message-ID"].strip("<>"))[:150]
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{identifier}.eml"
        unfinished = self._folder / f".{name}"
        unfinished.write_bytes(message.as_bytes())
        os.replace(unfinished, self._folder / name)
        return f"Written to {name}"


def open_email_transport(settings: Settings) -> EmailTransport | None:
    """Return the transport of this deployment; None if it sends no e-mails. A folder comes before a mail
    server."""
    if settings.mail_folder is not None:
        return FolderTransport(settings.mail_folder)
    if settings.smtp_host is not None:
        return SmtpTransport(settings)
    return None
