"""HTTP/1.1 as uvicorn speaks it, with an end to what a client may take: bytes and seconds for a request's headers.

uvicorn waits for ever for headers, and keeps all that come: a few clients could fill memory, or hold every socket.
The body has its limits in asgi.Guard.
"""

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 10.0
HEADER_BYTES = 64 * 1024
LINGER_SECONDS = 2.0
_LOOK_SECONDS = 1.0


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection whose request line and headers take longer than HEADER_SECONDS, or more than
    HEADER_BYTES beyond what came at once. One that waits for its next request is uvicorn's to close."""

    _waited_for: ClassVar[dict["PatientProtocol", float]] = {}
    """Since when each connection is in the middle of its headers."""
    _looking: ClassVar[tuple[asyncio.AbstractEventLoop, asyncio.TimerHandle] | None] = None
    _header_bytes = 0
    _is_whole = False
    _lingering: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client has connected: its headers are waited for."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._waited_for.pop(self, None)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._wait()
        self._is_whole = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The headers are there."""
        self._waited_for.pop(self, None)
        self._header_bytes = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is there, too."""
        self._is_whole = True
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A request was answered. Where its body had not come by then, and does not come in a moment in which the
        client can read the answer, the connection is closed: uvicorn would wait for what is missing, for ever."""
        super().on_response_complete()
        if not self._is_whole and not self.pipeline and self not in self._waited_for:
            self._lingering = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def data_received(self, data: bytes) -> None:
        """Some of a request, or of several."""
        if self in self._waited_for:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._header_bytes > HEADER_BYTES and self in self._waited_for:
            self._end()

    def _wait(self) -> None:
        self._waited_for[self] = self.loop.time()
        cls = type(self)
        if cls._looking is None or cls._looking[0] is not self.loop:
            cls._looking = self.loop, self.loop.call_later(_LOOK_SECONDS, cls._look, self.loop)

    @classmethod
    def _look(cls, loop: asyncio.AbstractEventLoop) -> None:
        since = loop.time() - HEADER_SECONDS
        for one in [one for one, began in cls._waited_for.items() if began < since]:
            one._end()
        cls._looking = (loop, loop.call_later(_LOOK_SECONDS, cls._look, loop)) if cls._waited_for else None

    def _end(self) -> None:
        self._waited_for.pop(self, None)
        if self.transport.is_closing():
            return
        if self._header_bytes:  # else it was only opened, which is no fault
            self.transport.write(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        self.transport.close()
