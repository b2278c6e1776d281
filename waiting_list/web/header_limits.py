"""Limit the memory and the time that one connection can take from uvicorn's HTTP/1.1 protocol.

uvicorn waits for ever for headers and stores all that arrive. It parses every request that a client sends ahead
of its answers, loses the body of a request that asks for an upgrade, and stores answers that a client does not
read. So a few clients could fill the memory or hold every socket (docs/decisions/0010-the-server.md).
web/body_guard.py limits bodies.
"""

import asyncio
import re
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import Any, ClassVar

import httptools
import structlog
from starlette.types import Send
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

log = structlog.get_logger(__name__)

HEADER_SECONDS = 10.0
"""The time limit for the request line and headers to arrive."""
HEADER_BYTES = 64 * 1024
"""The most bytes of a request line and headers."""
READER_SECONDS = 10.0
"""How long a client may leave an answer unread."""
LINGER_SECONDS = 2.0
"""How long an answered request may still miss a part of its body."""
_LOOK_SECONDS = 1.0
_CONTROL = re.compile(b"[\x00-\x08\x0a-\x1f\x7f]")
_NO_HTTP = "Invalid HTTP request received."
_SLICE_BYTES = 1024
"""The most bytes to parse at once. Each request in them costs a few KB, and the shortest has 18 bytes."""


HAND_OVER = "waiting_list.hand_over"
"""The key in a request's scope of `HeaderLimits.hand_over`."""


class Successor(asyncio.Protocol, ABC):
    """A protocol that finishes an answer in place of the server."""

    __slots__ = ("connections",)

    connections: set[Any]
    """The open connections of the server. The successor must leave it when its connection is lost."""

    @abstractmethod
    def shutdown(self) -> None:
        """End the answer, because the server ends."""


def cycle_of(send: Send) -> RequestResponseCycle | None:
    """Return the server's side of the request that an ASGI `send` belongs to; None if it is another server's."""
    cycle = getattr(send, "__self__", None)
    return cycle if isinstance(cycle, RequestResponseCycle) else None


async def write_answer(
    cycle: RequestResponseCycle, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes
) -> None:
    """Do what two calls of an ASGI `send` do, for an answer with a body that is there, with a single write.

    The headers must give the length of the body, and have lower-case names. Raises ValueError for a header that
    would begin another one.
    """
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if cycle.disconnected:
        return
    lines = [STATUS_LINE[status]]
    for name, value in cycle.default_headers:
        lines += (name, b": ", value, b"\r\n")
    for name, value in headers:
        if _CONTROL.search(value):
            raise ValueError("A header has a control character.")
        if name == b"connection" and value == b"close":
            cycle.keep_alive = False
        else:
            lines += (name, b": ", value, b"\r\n")
    lines.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
    if cycle.scope["method"] != "HEAD":
        lines.append(body)
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(b"".join(lines))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()


class _Flow(FlowControl):
    """Resume reading only when all earlier data are parsed. uvicorn would resume after each answer."""

    unparsed = b""

    def resume_reading(self) -> None:
        """Resume reading if all data are parsed."""
        if not self.unparsed:
            super().resume_reading()


class HeaderLimits(HttpToolsProtocol):
    """Limit what one connection may take.

    - Headers: the connection closes if the request line and headers take longer than HEADER_SECONDS, or more than
      HEADER_BYTES beyond the data that arrived at once. uvicorn closes a connection that waits for its next
      request.
    - Requests ahead of their answers: the protocol parses at most those in one slice of _SLICE_BYTES, and pauses
      reading.
    - Answers: the connection closes if the client reads no part of any answer for READER_SECONDS.
    - Upgrades: the protocol ignores them, as RFC 9110 (7.8) allows, and handles the request over HTTP/1.1, with
      its body.
    - Data that are not HTTP: the protocol answers the requests before them, then refuses and closes.
    """

    _open: ClassVar[set["HeaderLimits"]] = set()
    _looking: ClassVar[tuple[asyncio.AbstractEventLoop, asyncio.TimerHandle] | None] = None
    _headers_since: float | None = None
    _header_bytes = 0
    _is_whole = True
    _is_refused = False
    _unread_looks = 0
    _unread_bytes = 0
    _lingering: asyncio.TimerHandle | None = None
    _answered: RequestResponseCycle | None = None
    """The request that the application answers now; `cycle` is the last parsed one."""
    flow: _Flow

    def connection_made(self, transport: Any) -> None:
        """Start to wait for the headers of a new connection."""
        super().connection_made(transport)
        self.flow = _Flow(transport)
        self._headers_since = self.loop.time()
        cls = type(self)
        cls._open.add(self)
        if cls._looking is None or cls._looking[0] is not self.loop:
            cls._looking = self.loop, self.loop.call_later(_LOOK_SECONDS, cls._look, self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a closed connection, with the requests that it sent ahead."""
        self._open.discard(self)
        self.flow.unparsed = b""
        self.pipeline.clear()
        if self._answered is not None:
            # Because it refers to this protocol.
            self._answered.scope.pop(HAND_OVER, None)  # type: ignore[misc]
            self._let_go(self._answered)
        super().connection_lost(exc)

    def hand_over(self, successor: Successor) -> None:
        """Let a successor finish the answer that has begun, and then close the connection."""
        cycle = self._answered
        assert cycle is not None, "an application answers"
        successor.connections = self.connections
        if cycle.disconnected:
            successor.connection_lost(None)
            return
        cycle.disconnected = True  # so that uvicorn takes the answer as finished
        del cycle.scope[HAND_OVER]  # type: ignore[misc]
        self._open.discard(self)
        self.connections.discard(self)
        self.connections.add(successor)  # type: ignore[arg-type]
        self.parser = None  # type: ignore[assignment]
        self.pipeline.clear()
        self.flow.unparsed = b""
        self.flow.resume_reading()
        self.transport.set_protocol(successor)
        successor.connection_made(self.transport)

    def data_received(self, data: bytes) -> None:
        """Parse received data, or store them while reading is paused."""
        self._unset_keepalive_if_required()
        if self._is_refused:
            return
        if self.flow.unparsed:  # they were on their way when reading was paused
            self.flow.unparsed += data
        else:
            self._parse(data)

    def on_message_begin(self) -> None:
        """Start the time limit at the first byte of a request."""
        self._headers_since = self.loop.time()
        self._is_whole = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End the time limit. Headers with an upgrade are parsed again without it (`_parse_slice`)."""
        self._headers_since = None
        self._header_bytes = 0
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the request is complete."""
        if self.parser.should_upgrade():
            return
        self._is_whole = True
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Continue with the next request after an answer.

        If the body of the answered request is incomplete, the rest must arrive within LINGER_SECONDS. Else the
        connection closes, because uvicorn would wait for ever.
        """
        super().on_response_complete()
        if self.pipeline or self.transport.is_closing():
            return
        if self.flow.unparsed:
            self.loop.call_soon(self._parse_on)  # later, so that other connections come first
        elif self._is_answering:
            pass
        elif self._is_refused:
            self.send_400_response(_NO_HTTP)
        elif not self._is_whole and self._headers_since is None:
            self._lingering = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        cycle.scope[HAND_OVER] = self.hand_over  # type: ignore[literal-required]
        super()._start_asgi_task(cycle, app)

    @staticmethod
    def _let_go(cycle: RequestResponseCycle) -> None:
        """Tell the application that the client of this request has disconnected."""
        if not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()

    @property
    def _is_answering(self) -> bool:
        return self._answered is not None and not self._answered.response_complete

    def _parse_on(self) -> None:
        unparsed, self.flow.unparsed = self.flow.unparsed, b""
        if not self.transport.is_closing():
            self._parse(unparsed)
            self.flow.resume_reading()

    def _parse(self, data: bytes) -> None:
        """Parse until a request must wait for the answer to another; store the rest, and pause reading."""
        for start in range(0, len(data), _SLICE_BYTES):
            if self.pipeline:
                self.flow.unparsed = data[start:]
                self.flow.pause_reading()
                return
            part = data[start : start + _SLICE_BYTES]
            if self._headers_since is not None:
                self._header_bytes += len(part)
            try:
                self._parse_slice(part)
            except httptools.HttpParserError:
                self._refuse()
                return
            if self._header_bytes > HEADER_BYTES and self._headers_since is not None:
                self._end()
                return

    def _parse_slice(self, data: bytes) -> None:
        """Parse one slice. Raises HttpParserError, also for CONNECT, because that is only an upgrade."""
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                method, version = self.parser.get_method(), self.parser.get_http_version().encode()
                if method == b"CONNECT":
                    self._is_whole = True
                    raise httptools.HttpParserError from upgrade
                head = [method, b" ", self.url, b" HTTP/", version, b"\r\n"]
                for name, value in self.headers:
                    if name != b"upgrade":
                        head += [name, b": ", value, b"\r\n"]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                self.parser.feed_data(b"".join([*head, b"\r\n"]))
                data = data[upgrade.args[0] :]
            else:
                return

    def _refuse(self) -> None:
        """Refuse data that are not HTTP, and end the connection.

        This happens after the answers to earlier requests, so that the refusal does not seem to be one of them. A
        request whose body contains the data is dropped.
        """
        if self.transport.is_closing():
            return
        log.info("not_http")
        if not self._is_whole and self._headers_since is None:
            self._let_go(self.cycle)
            if self.cycle is self._answered:
                self._answered = None
                if self.cycle.response_started:
                    self.transport.close()
                    return
            else:
                self.pipeline.popleft()
        self._headers_since = None
        if self._is_answering or self.pipeline:
            self._is_refused = True
            self.flow.pause_reading()
        else:
            self.send_400_response(_NO_HTTP)

    @classmethod
    def _look(cls, loop: asyncio.AbstractEventLoop) -> None:
        """Check every connection, once a second."""
        now = loop.time()
        for one in [*cls._open]:
            if one._headers_since is not None and now - one._headers_since > HEADER_SECONDS:
                one._end()
            # Also for a closing connection, because it stays open until the client has read everything.
            if one._unread_bytes or one.transport.get_write_buffer_size():
                one._look_at_reader()
        cls._looking = (loop, loop.call_later(_LOOK_SECONDS, cls._look, loop)) if cls._open else None

    def _look_at_reader(self) -> None:
        unread = self.transport.get_write_buffer_size()
        # The system's buffer shrinks with every packet that the client takes; ours only by a megabyte at a time.
        with suppress(OSError):  # some systems do not tell
            descriptor = self.transport.get_extra_info("socket").fileno()
            unread += struct.unpack("i", ioctl(descriptor, TIOCOUTQ, bytes(4)))[0] if unread else 0
        # Counted, not timed, because clients cannot read while this process is stopped.
        self._unread_looks = self._unread_looks + 1 if 0 < self._unread_bytes <= unread else 0
        self._unread_bytes = unread
        if self._unread_looks * _LOOK_SECONDS >= READER_SECONDS:
            log.info("slow_reader_dropped")
            self.transport.abort()

    def _end(self) -> None:
        """Close a connection whose headers take too long or are too large."""
        self._headers_since = None
        if self.transport.is_closing():
            return
        # Not in the middle of another answer, nor on a connection that was only opened.
        if self._header_bytes and not self._is_answering:
            self.transport.write(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        self.transport.close()
