"""HTTP/1.1 as uvicorn speaks it, with an end to what one client may take: memory, and seconds.

uvicorn waits for ever for headers and keeps all that come. It parses every request that a client sends ahead of
its answers, loses the body of a request that asks for an upgrade, and keeps what a client does not read. So a few
clients could fill the memory or hold every socket (docs/decisions/0010-the-server.md). Bodies have their limits in
asgi.BodyGuard.
"""

import asyncio
import struct
from contextlib import suppress
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import Any, ClassVar

import httptools
import structlog
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

log = structlog.get_logger(__name__)

HEADER_SECONDS = 10.0
HEADER_BYTES = 64 * 1024
READER_SECONDS = 10.0
"""How long a client may read nothing of an answer that it was sent."""
LINGER_SECONDS = 2.0
_LOOK_SECONDS = 1.0
_NO_HTTP = "Invalid HTTP request received."
_SLICE_BYTES = 1024
"""So much is parsed at once. Each request within it costs a few KB, and the shortest has 18 bytes."""


class _Flow(FlowControl):
    """uvicorn reads on after each answer; here only once all that was read before is parsed."""

    unparsed = b""

    def resume_reading(self) -> None:
        """Reads on, if nothing is left to be parsed."""
        if not self.unparsed:
            super().resume_reading()


class HeaderLimits(HttpToolsProtocol):
    """Bounds what one connection may take.

    - Headers: closed where the request line and headers take longer than HEADER_SECONDS, or more than HEADER_BYTES
      beyond what came at once. One that waits for its next request is uvicorn's to close.
    - Requests ahead of their answers: at most those in one slice of _SLICE_BYTES are parsed; no more is read.
    - Answers: closed where the client reads nothing for READER_SECONDS, however it was answered.
    - An upgrade is ignored, as RFC 9110 (7.8) allows: the request is done over HTTP/1.1, with its body.
    - What is no HTTP is refused after the requests before it were answered, and ends the connection.
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
    """The request that is being answered; `cycle` is the one that was parsed last."""
    flow: _Flow

    def connection_made(self, transport: Any) -> None:
        """A client has connected: its headers are waited for."""
        super().connection_made(transport)
        self.flow = _Flow(transport)
        self._headers_since = self.loop.time()
        cls = type(self)
        cls._open.add(self)
        if cls._looking is None or cls._looking[0] is not self.loop:
            cls._looking = self.loop, self.loop.call_later(_LOOK_SECONDS, cls._look, self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone. What it had sent ahead is not done."""
        self._open.discard(self)
        self.flow.unparsed = b""
        self.pipeline.clear()
        if self._answered is not None:
            self._let_go(self._answered)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a request, or of several."""
        self._unset_keepalive_if_required()
        if self._is_refused:
            return
        if self.flow.unparsed:  # it was on its way when reading was paused
            self.flow.unparsed += data
        else:
            self._parse(data)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._headers_since = self.loop.time()
        self._is_whole = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The headers are there. Those that ask for an upgrade are parsed once more, without that."""
        self._headers_since = None
        self._header_bytes = 0
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is there, too."""
        if self.parser.should_upgrade():
            return
        self._is_whole = True
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A request was answered: the next is done, or parsed. Where the body of this one had not come by then,
        and does not come while the client can read the answer, the connection is closed: uvicorn would wait for
        what is missing, for ever."""
        super().on_response_complete()
        if self.pipeline or self.transport.is_closing():
            return
        if self.flow.unparsed:
            self.loop.call_soon(self._parse_on)  # whoever else waits comes first
        elif self._is_answering:
            pass
        elif self._is_refused:
            self.send_400_response(_NO_HTTP)
        elif not self._is_whole and self._headers_since is None:
            self._lingering = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    @staticmethod
    def _let_go(cycle: RequestResponseCycle) -> None:
        """No more will come of this request, and nobody waits for its answer."""
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
        """Parses until a request has to wait for another's answer. The rest is kept, and reading is paused."""
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
        """Raises HttpParserError, also for a CONNECT, which is nothing but an upgrade."""
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
        """Ends a connection on which something else than HTTP came: once the requests before that are answered, so
        that none of them is taken for refused. The request in whose body it came is not done."""
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
        """Once a second, at every connection."""
        now = loop.time()
        for one in [*cls._open]:
            if one._headers_since is not None and now - one._headers_since > HEADER_SECONDS:
                one._end()
            # Also of a connection that is being closed: it stays until all is read.
            if one._unread_bytes or one.transport.get_write_buffer_size():
                one._look_at_reader()
        cls._looking = (loop, loop.call_later(_LOOK_SECONDS, cls._look, loop)) if cls._open else None

    def _look_at_reader(self) -> None:
        unread = self.transport.get_write_buffer_size()
        # What the system has of it shrinks with every packet that is taken; what we have, by a megabyte at a time.
        with suppress(OSError):  # where a system does not say
            descriptor = self.transport.get_extra_info("socket").fileno()
            unread += struct.unpack("i", ioctl(descriptor, TIOCOUTQ, bytes(4)))[0] if unread else 0
        # Counted, not timed: while this process itself stands still, nobody can read.
        self._unread_looks = self._unread_looks + 1 if 0 < self._unread_bytes <= unread else 0
        self._unread_bytes = unread
        if self._unread_looks * _LOOK_SECONDS >= READER_SECONDS:
            log.info("slow_reader_dropped")
            self.transport.abort()

    def _end(self) -> None:
        """Gives up a request whose headers do not end."""
        self._headers_since = None
        if self.transport.is_closing():
            return
        # Not in the middle of another answer; and a connection that was only opened is no fault.
        if self._header_bytes and not self._is_answering:
            self.transport.write(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        self.transport.close()
