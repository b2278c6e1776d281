"""Stream a user's entry, on every change, as server-sent events (WHATWG HTML, 9.2)."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from waiting_list.lists.models import Entry, ListKey
from waiting_list.lists.queries.live import Live, Watcher

log = structlog.get_logger(__name__)

COMMENT_SECONDS = 15.0
"""The time between two comments, which keep proxies from closing a quiet stream."""
SLOW_SECONDS = 10.0
"""How long a reader may take no data before the stream drops it."""
_RETRY_MILLISECONDS = 2000
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-accel-buffering", b"no"),
]


STREAM = "waiting_list.stream"
"""The key in a request's scope under which the stream that answers it is stored."""


class EntryStream:
    """Stream a watched entry: as it is now, then on every change.

    An event's id is a hash of its data. A reader that reconnects with it as `Last-Event-ID` gets the next event
    only after a change. With a `number`, the stream is about that entry alone, and ends if its user has a later
    one.

    This class does not use Starlette's stream, because that needs two tasks and a cancel scope.
    """

    __slots__ = ("_key", "_last_event_id", "_live", "_number", "_watcher", "_with_pass")

    def __init__(
        self,
        live: Live,
        key: ListKey,
        watcher: Watcher,
        *,
        last_event_id: str | None,
        with_pass: Callable[[Entry], Awaitable[Entry]],
        number: int | None = None,
    ) -> None:
        self._live = live
        self._key = key
        self._watcher = watcher
        self._last_event_id = last_event_id
        self._with_pass = with_pass
        self._number = number

    async def run(self, receive: Receive, send: Send) -> None:
        """Stream until the reader leaves or is dropped, or the watcher is closed."""
        watcher = self._watcher
        gone = asyncio.ensure_future(_until_gone(receive))
        gone.add_done_callback(lambda _: watcher.close())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            retry = f"retry: {_RETRY_MILLISECONDS}\n\n".encode()
            if self._is_about(watcher.entry):
                await _send(send, retry + await self._event(watcher.entry))
            while not watcher.closed and self._is_about(watcher.entry):
                entry = await watcher.news(within=COMMENT_SECONDS)
                if not watcher.closed and self._is_about(watcher.entry):
                    await _send(send, await self._event(entry) if entry else b":\n\n")
            await _send(send, b"", more=False)
        except TimeoutError:
            log.info("slow_reader_dropped")
        finally:
            self._live.leave(self._key, watcher)
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone

    def _is_about(self, entry: Entry) -> bool:
        return self._number in (None, entry.number)

    async def _event(self, entry: Entry) -> bytes:
        data = (await self._with_pass(entry)).model_dump_json().encode()
        name = _name(data)
        if name == self._last_event_id:
            return b":\n\n"
        self._last_event_id = name
        return b"id: %s\ndata: %s\n\n" % (name.encode(), data)


def event_id(entry: Entry) -> str:
    """Return the id of the event for this entry, so that a page that shows the entry notices a newer one."""
    return _name(entry.model_dump_json().encode())


def _name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


class StreamResponse(Response):
    """Leave the stream to the HttpLayer, which runs it after the call is done.

    FastAPI's memory for a request is as large as the stream itself; this way, it is freed first.
    """

    def __init__(self, stream: EntryStream) -> None:
        super().__init__()
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Put the stream into the scope; send no data."""
        scope[STREAM] = self._stream


class StreamHeaders(Response):
    """Answer HEAD as a stream would begin, without a stream."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the headers of a stream."""
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": b""})


async def _send(send: Send, body: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(SLOW_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
